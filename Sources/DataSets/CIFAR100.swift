import Foundation
import Images

/// CIFAR-100 in its official binary form, `cifar-100-binary`: 60,000 color images of 32 × 32 pixels in 100 classes (the
/// fine labels; the 20 coarse ones are passed over).
///
/// Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, and its download page.
public struct CIFAR100: ImageDataSet {
  /// Name of the folder that the official archive unpacks to.
  public static let folderName = "cifar-100-binary"

  public let classNames: [String]
  private let images: BinaryImages
  private let labels: [UInt8]

  /// Opens one split of the binary folder.
  ///
  /// - Throws: `DataSetError` when its file is missing, has another size than the official one, or holds a label that
  ///   is not in 0…99, or when `fine_label_names.txt` does not name a hundred classes.
  public init(_ folder: URL, split: DataSetSplit) throws {
    images = try BinaryImages(
      [split == .test ? "test.bin" : "train.bin"], in: folder, count: split == .test ? 10_000 : 50_000, side: 32,
      header: 2, dataSet: "CIFAR-100")
    labels = try images.labels(at: 1, classCount: 100)
    classNames =
      try BinaryImages.classNames("fine_label_names.txt", in: folder, count: 100) ?? (0..<100).map(String.init)
  }

  public var count: Int { images.count }
  public var layout: String { "CIFAR-100, binary" }
  public func label(at index: Int) -> Int? { Int(labels[index]) }
  public func name(at index: Int) -> String { images.name(at: index) }
  public func key(at index: Int) -> String { images.key(at: index) }
  public func read(at index: Int, into buffer: ByteBuffer) -> StoredImage { images.read(at: index, into: buffer) }
}
