import Foundation

/// Finds out what kind of data set lies at a path, and opens it.
///
/// | at the path | train | test |
/// |---|---|---|
/// | `cifar-10-batches-bin`, `cifar-100-binary`, `stl10_binary`, or a folder that holds one | its train images | its test images |
/// | a folder with `train/` (images, class folders, or tar archives) | `train/` | `test/`, else `val/` |
/// | the same with `val/val_annotations.txt` (Tiny-ImageNet) | `train/` | `val/images`, labeled by that file |
/// | the same with images directly in `val/`, and `val.txt` or `LOC_val_solution.csv` in it or beside it | `train/` | `val/`, labeled by that file |
/// | a folder with `ILSVRC2012_img_train.tar` | that, class by class | `ILSVRC2012_img_val.tar` or `val/` in the same way |
/// | a folder of images, of class folders, or of tar archives | the folder itself | – |
/// | a tar archive, or a pattern such as `train-{000..146}.tar` | all of them together | – |
public enum DataSetLocator {
  /// Opens one split of the data set at `root`.
  ///
  /// - Throws: `DataSetError` saying what was expected, what lies there, and what to try.
  public static func open(_ root: URL, split: DataSetSplit) throws -> any ImageDataSet {
    let path = root.path
    let kind = try FileSystem.kind(of: path)
    if kind != .folder, path.contains("{") || path.hasSuffix(".tar") { return try openArchives(path, split: split) }
    switch kind {
    case .folder: break
    case .missing:
      throw DataSetError(
        "\(path): no such folder; expected \(expectation(for: split)). Try an absolute path\(ifNamed: .drawingOfShapes, after: ", or render one with `", before: " DIR`")"
      )
    case .file:
      throw DataSetError(
        "\(path) is a file; expected \(expectation(for: split)). Of files only .tar archives are read",
        advice:
          "decompress others\(ifNamed: .downloadOfCIFAR10, after: "; for CIFAR-10's use `", before: " DIR")\(ifNamed: .archiveAtHand, after: " ", before: " ARCHIVE`")"
      )
    }
    if let binary = try openBinary(in: root, split: split) { return binary }
    guard split != .unlabeled else {
      throw DataSetError("\(path): only STL-10 has unlabeled images apart; expected stl10_binary in it")
    }
    if let imageNet = try openImageNetArchive(in: root, split: split) { return imageNet }

    let subfolders = try FileSystem.entries(of: path).filter(\.isFolder).map(\.name)
      .filter { !LeftBehind.isFolder($0) }
    if split == .test, subfolders.contains("train"), let labeled = try openListedValidation(in: root) {
      return labeled
    }
    let names = split == .train ? ["train"] : ["test", "val"]
    if let name = names.first(where: subfolders.contains) {
      return try openFolder(root.appendingPathComponent(name))
    }
    if split == .train, !subfolders.contains("test"), !subfolders.contains("val") { return try openFolder(root) }
    let listing =
      subfolders.isEmpty
      ? "it has no folders"
      : "it has " + subfolders.prefix(5).map { $0 + "/" }.joined(separator: ", ") + (subfolders.count > 5 ? ", …" : "")
    throw DataSetError(
      "\(path): no \(split == .train ? "training" : "test") images; expected \(names.map { $0 + "/" }.joined(separator: " or ")) in it, but "
        + "\(listing)")
  }

  /// The predefined folds of the train images of the data set at `root`: indices of the images of each.
  ///
  /// - Throws: `DataSetError` when it is not STL-10, the only one that has folds, or its folds cannot be read.
  public static func folds(at root: URL) throws -> [[Int]] {
    guard let folder = try stl10Folder(in: root) else {
      throw DataSetError("\(root.path): only STL-10 has folds; expected stl10_binary in it")
    }
    return try STL10.folds(in: folder)
  }

  private static func expectation(for split: DataSetSplit) -> String {
    switch split {
    case .train, .unlabeled: "a folder of images, class folders, or a folder that holds train/"
    case .test: "a folder that holds test/ or val/ (or cifar-10-batches-bin/)"
    }
  }
}

// MARK: - Folders and archives

extension DataSetLocator {
  /// Images, class folders, or tar archives, in a folder.
  private static func openFolder(_ folder: URL) throws -> any ImageDataSet {
    let archives = try FileSystem.entries(of: folder.path).filter { !$0.isFolder && $0.name.hasSuffix(".tar") }
    guard archives.isEmpty else { return try ArchivedImages(archives.map { folder.path + "/" + $0.name }) }
    return try ImageFolder(folder)
  }

  private static func openArchives(_ pattern: String, split: DataSetSplit) throws -> any ImageDataSet {
    guard split == .train else {
      throw DataSetError(
        "\(pattern): archives hold no split of their own; for \(split.rawValue) images give a folder that holds train/ "
          + "and test/ or val/ with archives in them")
    }
    let paths = try ShardPattern.names(of: pattern)
    if let missing = try paths.first(where: { try FileSystem.kind(of: $0) != .file }) {
      throw DataSetError(
        "\(missing): no such archive" + (paths.count > 1 ? "; expected \(paths.count) of them" : ""))
    }
    return try ArchivedImages(paths)
  }

  private static func openBinary(in root: URL, split: DataSetSplit) throws -> (any ImageDataSet)? {
    if let folder = try stl10Folder(in: root) { return try STL10(folder, split: split) }
    guard split != .unlabeled else { return nil }
    if let folder = try folder(CIFAR10.folderName, in: root, with: ["data_batch_1.bin", "test_batch.bin"]) {
      return try CIFAR10(folder, split: split)
    }
    if let folder = try folder(CIFAR100.folderName, in: root, with: ["fine_label_names.txt", "train.bin"]) {
      return try CIFAR100(folder, split: split)
    }
    return nil
  }

  private static func stl10Folder(in root: URL) throws -> URL? {
    try folder(STL10.folderName, in: root, with: ["train_X.bin", "test_X.bin", "unlabeled_X.bin"])
  }

  /// The root itself or the folder of that name in it, whichever has one of the files.
  private static func folder(_ name: String, in root: URL, with files: [String]) throws -> URL? {
    for folder in [root, root.appendingPathComponent(name)] {
      for file in files where try FileSystem.kind(of: folder.path + "/" + file) == .file { return folder }
    }
    return nil
  }
}

// MARK: - ImageNet and Tiny-ImageNet

extension DataSetLocator {
  private static func openImageNetArchive(in root: URL, split: DataSetSplit) throws -> (any ImageDataSet)? {
    let train = root.path + "/ILSVRC2012_img_train.tar"
    guard try FileSystem.kind(of: train) == .file else { return nil }
    let trainImages = try ArchivedImages([train])
    guard split == .test else { return trainImages }
    let archive = root.path + "/ILSVRC2012_img_val.tar"
    if try FileSystem.kind(of: archive) == .file {
      guard let list = try validationList(in: root) else {
        throw DataSetError(
          "\(archive): expected the classes of its images in val.txt (a line 'file class' for each, the class by name or "
            + "by its number in sorted order) or LOC_val_solution.csv beside it; the devkit's ground truth numbers "
            + "classes in an order of its own")
      }
      return try ListLabeledDataSet(
        ArchivedImages([archive]), labeledBy: list, classNames: trainImages.classNames)
    }
    return try openListedValidation(in: root, classNames: trainImages.classNames)
      ?? openFolder(root.appendingPathComponent("val"))
  }

  /// Validation images that lie in no class folders, with the file that says their classes; nil where there is none.
  private static func openListedValidation(
    in root: URL, classNames: [String]? = nil
  ) throws -> (any ImageDataSet)? {
    func labeled(_ images: URL, by list: URL) throws -> any ImageDataSet {
      let names = try classNames ?? openFolder(root.appendingPathComponent("train")).classNames
      return try ListLabeledDataSet(ImageFolder(images), labeledBy: list, classNames: names)
    }
    let validation = root.appendingPathComponent("val")
    let annotations = validation.appendingPathComponent("val_annotations.txt")
    if try FileSystem.kind(of: annotations.path) == .file {
      return try labeled(validation.appendingPathComponent("images"), by: annotations)
    }
    guard try FileSystem.kind(of: validation.path) == .folder, let list = try validationList(in: root),
      try !FileSystem.entries(of: validation.path).contains(where: { $0.isFolder && !LeftBehind.isFolder($0.name) })
    else { return nil }
    return try labeled(validation, by: list)
  }

  private static func validationList(in root: URL) throws -> URL? {
    for name in ["val.txt", "LOC_val_solution.csv", "val/val.txt", "val/LOC_val_solution.csv"] {
      let list = root.appendingPathComponent(name)
      if try FileSystem.kind(of: list.path) == .file { return list }
    }
    return nil
  }
}
