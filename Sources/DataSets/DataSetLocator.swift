import Foundation
import Images

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
/// | a text file of paths, one a line, or of paths and classes | all of them together | – |
///
/// The parts may be called by what people call them (`training/`, `valid/`, `dev/`, `val2017/`, `test_images/`, …), lie in
/// one folder around them, within the classes (`cat/train/`), or in archives.
public struct DataSetLocator: Sendable {
  /// What images are wanted for.
  public enum Use: Sendable {
    /// To be trained on without labels: every image counts, at whatever depth it lies.
    case pretraining
    /// To be measured with: what has no labels does not help.
    case evaluation
    /// Neither in particular.
    case any
  }

  public var use: Use
  /// What the image of a WebDataset sample is called after its key; empty leaves it to `ArchivedImages`.
  public var imageKey: String

  public init(for use: Use = .any, imageKey: String = "") { (self.use, self.imageKey) = (use, imageKey) }

  /// Opens one split of the data set at `root`.
  ///
  /// - Throws: `DataSetError` saying what was expected, what lies there, and what to try.
  public static func open(_ root: URL, split: DataSetSplit) throws -> any ImageDataSet {
    try DataSetLocator().locate(root, split: split).images
  }

  /// Opens one split of the data set at `root`, and says where it lies.
  ///
  /// - Throws: `DataSetError` saying what was expected, what lies there, and what to try.
  public func locate(_ root: URL, split: DataSetSplit) throws -> LocatedDataSet {
    let path = root.path
    let kind = try FileSystem.kind(of: path)
    if kind != .folder, path.contains("{") || TarArchive.isNamedLikeOne(path) {
      return LocatedDataSet(try openArchives(path, split: split), at: path)
    }
    switch kind {
    case .folder: break
    case .missing:
      throw DataSetError(
        "\(path): no such folder; expected \(Self.expectation(for: split)). Try an absolute path\(ifNamed: .drawingOfShapes, after: ", or render one with `", before: " DIR`")"
      )
    case .file:
      if let listed = try ListedImages.open(path, with: self) {
        guard split == .train else {
          throw DataSetError(
            "\(path): a list holds no split of its own; expected a list of the \(split.rawValue) images")
        }
        return LocatedDataSet(listed, at: path)
      }
      throw DataSetError(
        "\(path) is a file; expected \(Self.expectation(for: split)). Of files only .tar archives are read",
        advice:
          "decompress others\(ifNamed: .downloadOfCIFAR10, after: "; for CIFAR-10's use `", before: " DIR")\(ifNamed: .archiveAtHand, after: " ", before: " ARCHIVE`")"
      )
    }
    if let binary = try Self.openBinary(in: root, split: split) { return LocatedDataSet(binary, at: path) }
    if let imageNet = try openImageNetArchive(in: root, split: split) { return imageNet }
    return try locateFolder(root, split: split)
  }

  /// Opens what somebody says is one split: the split of that name within, if there is one, or else all that is there.
  ///
  /// - Throws: `DataSetError` as ``locate(_:split:)``.
  public func locate(_ root: URL, as split: DataSetSplit) throws -> LocatedDataSet {
    if try FileSystem.kind(of: root.path) == .folder,
      try Self.openBinary(in: root, split: split) != nil || !SplitFolders.find(in: root.path).folders.isEmpty
    {
      return try locate(root, split: split)
    }
    if let divided = try? locate(root, split: split) { return divided }
    var other = self
    if use == .pretraining { other.use = .any }
    return try other.locate(root, split: .train)
  }

  /// Whether there are images without labels besides those to train on: STL-10's, or a folder `unlabeled/`.
  public func hasUnlabeledApart(_ root: URL) -> Bool {
    if (try? Self.stl10Folder(in: root)) != nil { return true }
    guard let found = try? SplitFolders.find(in: root.path).folders else { return false }
    return !found[.train].isEmpty && !found[.unlabeled].isEmpty
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
    case .validation: "a folder that holds val/"
    }
  }
}

/// Images that were found, and where.
public struct LocatedDataSet: Sendable {
  public var images: any ImageDataSet
  /// The folder, archive or list that holds them.
  public let path: String
  /// What was passed over in its favor, in words; nil where nothing was.
  public let remark: String?

  init(_ images: any ImageDataSet, at path: String, remark: String? = nil) {
    (self.images, self.path, self.remark) = (images, path, remark)
  }
}

// MARK: - Archives and binaries

extension DataSetLocator {
  private func openArchives(_ pattern: String, split: DataSetSplit) throws -> any ImageDataSet {
    let paths = try ShardPattern.names(of: pattern)
    let missing = try paths.first { try FileSystem.kind(of: $0) != .file }
    if split == .train, let missing {
      throw DataSetError(
        "\(missing): no such archive" + (paths.count > 1 ? "; expected \(paths.count) of them" : ""))
    }
    let images = missing == nil ? try ArchivedImages(paths, archiveOptions(split)) : nil
    guard let images, split == .train || images.isOfOneSplit else {
      throw DataSetError(
        "\(pattern): archives hold no split of their own; for \(split.rawValue) images give a folder that holds train/ "
          + "and test/ or val/ with archives in them")
    }
    return images
  }

  func archiveOptions(_ split: DataSetSplit) -> ArchivedImages.Options {
    ArchivedImages.Options(imageKey: imageKey, split: split, takesAnyDepth: use == .pretraining)
  }

  private static func openBinary(in root: URL, split: DataSetSplit) throws -> (any ImageDataSet)? {
    if let folder = try stl10Folder(in: root) {
      try refuseValidation(split, in: root)
      return try STL10(folder, split: split)
    }
    guard split != .unlabeled else { return nil }
    if let folder = try folder(CIFAR10.folderName, in: root, with: ["data_batch_1.bin", "test_batch.bin"]) {
      try refuseValidation(split, in: root)
      return try CIFAR10(folder, split: split)
    }
    if let folder = try folder(CIFAR100.folderName, in: root, with: ["fine_label_names.txt", "train.bin"]) {
      try refuseValidation(split, in: root)
      return try CIFAR100(folder, split: split)
    }
    return nil
  }

  private static func refuseValidation(_ split: DataSetSplit, in root: URL) throws {
    guard split == .validation else { return }
    throw DataSetError("\(root.path): this data set has no images for validation; expected train or test")
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

// MARK: - ImageNet

extension DataSetLocator {
  private func openImageNetArchive(in root: URL, split: DataSetSplit) throws -> LocatedDataSet? {
    let train = root.path + "/ILSVRC2012_img_train.tar"
    guard split != .unlabeled, try FileSystem.kind(of: train) == .file else { return nil }
    let trainImages = try ArchivedImages([train])
    guard split != .train else { return LocatedDataSet(trainImages, at: train) }
    let archive = root.path + "/ILSVRC2012_img_val.tar"
    if try FileSystem.kind(of: archive) == .file {
      guard let list = try Self.labels(of: "val", in: root) else {
        throw DataSetError(
          "\(archive): expected the classes of its images in val.txt (a line 'file class' for each, the class by name or "
            + "by its number in sorted order) or LOC_val_solution.csv beside it; the devkit's ground truth numbers "
            + "classes in an order of its own")
      }
      return LocatedDataSet(
        try ListLabeledDataSet(ArchivedImages([archive]), labeledBy: list, classNames: trainImages.classNames),
        at: archive)
    }
    return try openListed("val", in: root, classNames: { trainImages.classNames })
      ?? LocatedDataSet(openFolder(root.path + "/val", split: split), at: root.path + "/val")
  }

  /// Images that lie in no class folders, with the file that says their classes; nil where there is none.
  func openListed(_ name: String, in root: URL, classNames: () throws -> [String]) throws -> LocatedDataSet? {
    let folder = root.appendingPathComponent(name)
    func labeled(_ images: URL, by list: URL) throws -> LocatedDataSet {
      LocatedDataSet(
        try ListLabeledDataSet(ImageFolder(images), labeledBy: list, classNames: classNames()), at: images.path)
    }
    let annotations = folder.appendingPathComponent("val_annotations.txt")
    if try FileSystem.kind(of: annotations.path) == .file {
      return try labeled(folder.appendingPathComponent("images"), by: annotations)
    }
    guard try FileSystem.kind(of: folder.path) == .folder, let list = try Self.labels(of: name, in: root),
      try !FileSystem.entries(of: folder.path).contains(where: { $0.isFolder && !LeftBehind.isFolder($0.name) })
    else { return nil }
    return try labeled(folder, by: list)
  }

  /// The file that says the classes of the images in a folder.
  private static func labels(of name: String, in root: URL) throws -> URL? {
    for file in ["\(name).txt", "LOC_\(name)_solution.csv"] {
      for place in [file, "\(name)/\(file)"] {
        let list = root.appendingPathComponent(place)
        if try FileSystem.kind(of: list.path) == .file { return list }
      }
    }
    return nil
  }
}
