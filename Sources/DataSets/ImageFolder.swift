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
  public let layout: String
  public let classNames: [String]
  public let passedOver: PassedOver

  /// Below the root, as `FileName` stands for them.
  private let paths: [String]
  private let labels: [Int32]

  /// Lists the images below `root`.
  ///
  /// - Throws: `DataSetError` when the folder is missing, may not be read, holds no image, or holds images both
  ///   directly and in sub-folders (which could be a labeled or an unlabeled data set).
  public init(_ root: URL) throws { try self.init(FolderWalk(root.path)) }

  /// Takes what was found in a folder.
  ///
  /// - Parameter takesAnyDepth: whether images that lie both directly in the folder and below it are taken, without
  ///   labels, those right in it first.
  init(_ walk: FolderWalk, takesAnyDepth: Bool = false) throws {
    let (flat, deep) = (walk.images, walk.deepImages)
    switch (flat.isEmpty, deep.isEmpty) {
    case (true, true):
      throw DataSetError("\(walk.root): no images in it; \(walk.advice)")
    case (false, false) where !takesAnyDepth:
      throw DataSetError(
        "\(walk.root) holds images directly (\(flat.count), first \(FileName.printable(flat[0]))) and in sub-folders "
          + "(\(deep.count), first \(FileName.printable(deep[0]))); keep either class folders or a flat folder")
    case (false, _):
      (classNames, labels) = ([], [])
      layout = deep.isEmpty ? "images in a folder" : "images in a folder and below it"
    case (true, false):
      classNames = walk.folders.map { FileName.printable($0.name) }
      labels = walk.folders.enumerated().flatMap { repeatElement(Int32($0), count: $1.images.count) }
      layout = "class folders"
    }
    root = URL(fileURLWithPath: walk.root, isDirectory: true)
    paths = flat + deep
    passedOver = walk.passedOver
  }

  public var count: Int { paths.count }

  public func label(at index: Int) -> Int? { labels.isEmpty ? nil : Int(labels[index]) }

  public func name(at index: Int) -> String { FileName.printable(path(at: index)) }

  public func key(at index: Int) -> String { FileName.printable(paths[index]) }

  private func path(at index: Int) -> String { root.path + "/" + paths[index] }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try buffer.read(contentsOf: path(at: index))
    return .encoded
  }
}
