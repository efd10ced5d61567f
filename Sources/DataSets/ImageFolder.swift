import Foundation
import Images

/// Image files in folders.
///
/// Two layouts are understood. *Class folders*: every sub-folder is a class, and the images anywhere below it carry its
/// label. *Flat*: the images lie in the folder itself and carry no labels. Classes and files are ordered by the bytes of
/// their names, whatever the locale, so that labels equal those of torchvision's `ImageFolder`.
///
/// Files named as images are (.jpg, .png, .webp, .tif and so on, in any case) are taken at their word when the folder is opened, and whether
/// they hold an image shows when they are decoded; of others the first bytes tell. What is no image, and what systems and
/// programs leave in folders, is counted and named in `passedOver`.
public struct ImageFolder: ImageDataSet {
  /// The folder, as given.
  public let root: URL
  public let classNames: [String]
  public let passedOver: PassedOver

  /// Below the root, as `FileName` stands for them.
  private let paths: [String]
  private let labels: [Int32]

  /// Lists the images below `root`.
  ///
  /// - Throws: `DataSetError` when the folder is missing, may not be read, holds no image, or holds images both
  ///   directly and in sub-folders (which could be a labeled or an unlabeled data set).
  public init(_ root: URL) throws {
    let rootPath = root.path
    switch try FileSystem.kind(of: rootPath) {
    case .folder: break
    case .missing: throw DataSetError("\(rootPath): no such folder; expected a folder of images")
    case .file: throw DataSetError("\(rootPath) is a file; expected a folder of images")
    }
    var walk = Walk(root: rootPath)
    let (flat, folders) = try walk.contents(of: "")

    var paths: [String] = []
    var labels: [Int32] = []
    for (label, folder) in folders.enumerated() {
      try walk.collect(folder, into: &paths)
      labels.append(contentsOf: repeatElement(Int32(label), count: paths.count - labels.count))
    }
    passedOver = walk.passedOver
    switch (flat.isEmpty, paths.isEmpty) {
    case (true, true):
      throw DataSetError("\(rootPath): no images in it; \(walk.advice)")
    case (false, false):
      throw DataSetError(
        "\(rootPath) holds images directly (\(flat.count), first \(FileName.printable(flat[0]))) and in sub-folders (\(paths.count), first "
          + "\(FileName.printable(paths[0]))); keep either class folders or a flat folder")
    case (false, true):
      self.classNames = []
      self.paths = flat
      self.labels = []
    case (true, false):
      self.classNames = folders.map(FileName.printable)
      self.paths = paths
      self.labels = labels
    }
    self.root = root
  }

  public var count: Int { paths.count }

  public var layout: String { classNames.isEmpty ? "images in a folder" : "class folders" }

  public func label(at index: Int) -> Int? { labels.isEmpty ? nil : Int(labels[index]) }

  public func name(at index: Int) -> String { FileName.printable(path(at: index)) }

  private func path(at index: Int) -> String { root.path + "/" + paths[index] }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try buffer.read(contentsOf: path(at: index))
    return .encoded
  }
}

extension ImageFolder {
  /// Gathers image files below the root, and notes what it passes over.
  private struct Walk {
    let root: String
    private(set) var passedOver = PassedOver()

    init(root: String) { self.root = root }

    var advice: String {
      let others = passedOver.kinds.filter { $0.kind.hasPrefix(".") }
      guard let other = others.first?.kind else {
        return "expected image files (\(ImageKind.names)), directly or in one folder a class"
      }
      let remedy =
        switch other {
        case ".tar": "name them .tar"
        case ".gz", ".tgz", ".xz", ".txz", ".bz2", ".zst", ".lz4": "decompress them first"
        case ".zip", ".rar", ".7z": "unpack them first"
        case ".parquet", ".arrow", ".lmdb", ".mdb", ".mds", ".tfrecord", ".h5", ".hdf5", ".npy", ".npz", ".pkl":
          "unpack them to image files or tar archives"
        case ".dcm", ".dicom": "convert them to 16-bit PNG with DCMTK's dcm2img"
        default: "convert them first"
        }
      return "it has \(other) files, but only images (\(ImageKind.names)) and .tar archives are read: \(remedy)"
    }

    /// Images and folders right in a folder, by the paths from the root.
    mutating func contents(of folder: String) throws -> (images: [String], folders: [String]) {
      let base = folder.isEmpty ? "" : folder + "/"
      var (images, folders): ([String], [String]) = ([], [])
      for entry in try FileSystem.entries(of: root + "/" + folder, withHidden: true) {
        let path = base + entry.name
        if entry.isFolder {
          if LeftBehind.isFolder(entry.name) {
            passedOver.note(LeftBehind.kind, FileName.printable(path))
          } else {
            folders.append(path)
          }
        } else if isImage(entry.name, at: root + "/" + path) {
          images.append(path)
        } else {
          passedOver.noteFile(FileName.printable(path))
        }
      }
      return (images, folders)
    }

    private func isImage(_ name: String, at path: String) -> Bool {
      guard !LeftBehind.isFile(name) else { return false }
      return ImageCodec.recognizes(name: name) || ImageCodec.recognizes(contentsOf: path)
    }

    /// Appends the paths of all images in `folder` and below it, in byte order.
    mutating func collect(_ folder: String, into paths: inout [String]) throws {
      var found: [String] = []
      try visit(folder, ancestors: [], found: &found)
      found.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      paths += found
    }

    private mutating func visit(_ folder: String, ancestors: [[UInt64]], found: inout [String]) throws {
      let identity = FileSystem.identity(of: root + "/" + folder)
      if ancestors.contains(identity) { return }
      let (images, folders) = try contents(of: folder)
      found += images
      for folder in folders { try visit(folder, ancestors: ancestors + [identity], found: &found) }
    }
  }
}
