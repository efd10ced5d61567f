import Foundation
import Images

/// JPEG and PNG files in folders.
///
/// Two layouts are understood. *Class folders*: every sub-folder is a class, and the images anywhere below it carry its
/// label. *Flat*: the images lie in the folder itself and carry no labels. Classes and files are ordered by the bytes of
/// their names, whatever the locale, so that labels equal those of torchvision's `ImageFolder`. Names that begin with a
/// dot are passed over, as are files whose extension is none of jpg, jpeg and png (in any case).
///
/// Only names are read when the folder is opened. Whether a file holds an image shows when it is decoded.
public struct ImageFolder: ImageDataSet {
  /// The folder, as given.
  public let root: URL
  public let classNames: [String]

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
    case .missing: throw DataSetError("\(rootPath): no such folder; expected a folder of JPEG or PNG images")
    case .file: throw DataSetError("\(rootPath) is a file; expected a folder of JPEG or PNG images")
    }
    let entries = try FileSystem.entries(of: rootPath)
    var walk = Walk(root: rootPath)
    let flat = entries.filter { !$0.isFolder && walk.isImage($0.name) }.map(\.name)
    let folders = entries.filter(\.isFolder).map(\.name)

    var paths: [String] = []
    var labels: [Int32] = []
    for (label, folder) in folders.enumerated() {
      try walk.collect(folder, into: &paths)
      labels.append(contentsOf: repeatElement(Int32(label), count: paths.count - labels.count))
    }
    switch (flat.isEmpty, paths.isEmpty) {
    case (true, true):
      throw DataSetError("\(rootPath): no images in it; \(walk.advice)")
    case (false, false):
      throw DataSetError(
        "\(rootPath) holds images directly (\(flat.count), first \(flat[0])) and in sub-folders (\(paths.count), first "
          + "\(paths[0])); keep either class folders or a flat folder")
    case (false, true):
      self.classNames = []
      self.paths = flat
      self.labels = []
    case (true, false):
      self.classNames = folders
      self.paths = paths
      self.labels = labels
    }
    self.root = root
  }

  public var count: Int { paths.count }

  public var layout: String { classNames.isEmpty ? "images in a folder" : "class folders" }

  public func label(at index: Int) -> Int? { labels.isEmpty ? nil : Int(labels[index]) }

  public func name(at index: Int) -> String { root.path + "/" + paths[index] }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try buffer.read(contentsOf: name(at: index))
    return .encoded
  }
}

extension ImageFolder {
  /// Gathers image files below the root, and remembers what it passed over to explain an empty result.
  private struct Walk {
    let root: String
    private var otherExtension: String?

    init(root: String) { self.root = root }

    var advice: String {
      guard let otherExtension else { return "expected .jpg, .jpeg or .png files, directly or in one folder a class" }
      return "it has .\(otherExtension) files, but only .jpg, .jpeg and .png are read: convert them first"
    }

    mutating func isImage(_ name: String) -> Bool {
      guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
      let fileExtension = name[name.index(after: dot)...].lowercased()
      if ["jpg", "jpeg", "png"].contains(fileExtension) { return true }
      if otherExtension == nil { otherExtension = fileExtension }
      return false
    }

    /// Appends the paths, relative to the root, of all images in `folder` and below it, in byte order.
    mutating func collect(_ folder: String, into paths: inout [String]) throws {
      var found: [String] = []
      try visit(folder, ancestors: [], found: &found)
      found.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      paths += found
    }

    private mutating func visit(_ folder: String, ancestors: [[UInt64]], found: inout [String]) throws {
      let path = root + "/" + folder
      let identity = FileSystem.identity(of: path)
      if ancestors.contains(identity) { return }
      for entry in try FileSystem.entries(of: path) {
        let name = folder + "/" + entry.name
        if entry.isFolder {
          try visit(name, ancestors: ancestors + [identity], found: &found)
        } else if isImage(entry.name) {
          found.append(name)
        }
      }
    }
  }
}
