import Foundation

/// Finds out what kind of data set lies at a path, and opens it.
///
/// | at the path | train | test |
/// |---|---|---|
/// | `cifar-10-batches-bin`, or a folder that holds it | its five data batches | its test batch |
/// | a folder with `train/` | `train/` | `test/`, else `val/` |
/// | a folder of images, or of class folders | the folder itself | – |
public enum DataSetLocator {
  /// Opens one split of the data set at `root`.
  ///
  /// - Throws: `VisionDataError` saying what was expected, what lies there, and what to try.
  public static func open(_ root: URL, split: DataSetSplit) throws -> any ImageDataSet {
    let path = root.path
    switch try FileSystem.kind(of: path) {
    case .folder: break
    case .missing:
      throw VisionDataError(
        "\(path): no such folder; expected \(expectation(for: split)). Try an absolute path, or render one with "
          + "`simclr data shapes DIR`")
    case .file:
      throw VisionDataError(
        "\(path) is a file; expected \(expectation(for: split)). An archive has to be unpacked first; for CIFAR-10's "
          + "use `simclr data cifar10 DIR --from ARCHIVE`")
    }
    if let folder = try cifar10Folder(in: root) { return try CIFAR10(folder, split: split) }

    let subfolders = try FileSystem.entries(of: path).filter(\.isFolder).map(\.name)
    let names = split == .train ? ["train"] : ["test", "val"]
    if let name = names.first(where: subfolders.contains) {
      return try ImageFolder(root.appendingPathComponent(name))
    }
    if split == .train, !subfolders.contains("test"), !subfolders.contains("val") {
      return try ImageFolder(root)
    }
    let listing =
      subfolders.isEmpty
      ? "it has no folders"
      : "it has " + subfolders.prefix(5).map { $0 + "/" }.joined(separator: ", ") + (subfolders.count > 5 ? ", …" : "")
    throw VisionDataError(
      "\(path): no \(split == .train ? "training" : "test") images; expected \(names.map { $0 + "/" }.joined(separator: " or ")) in it, but "
        + "\(listing)")
  }

  private static func expectation(for split: DataSetSplit) -> String {
    switch split {
    case .train: "a folder of JPEG or PNG images, class folders, or a folder that holds train/"
    case .test: "a folder that holds test/ or val/ (or cifar-10-batches-bin/)"
    }
  }

  private static func cifar10Folder(in root: URL) throws -> URL? {
    for folder in [root, root.appendingPathComponent(CIFAR10.folderName)] {
      for name in ["data_batch_1.bin", "test_batch.bin"]
      where try FileSystem.kind(of: folder.path + "/" + name) == .file { return folder }
    }
    return nil
  }
}
