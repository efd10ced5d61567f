import Foundation
import Images

/// CIFAR-10 in its official binary form, `cifar-10-batches-bin`: 60,000 color images of 32 × 32 pixels in 10 classes.
///
/// A file holds 10,000 records of 3,073 bytes: the label, then 1,024 red, 1,024 green and 1,024 blue values, each plane
/// row by row. The files are mapped into memory, not read into it, so processes on one machine share them.
///
/// Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, and its download page.
public struct CIFAR10: ImageDataSet {
  /// Name of the folder that the official archive unpacks to.
  public static let folderName = "cifar-10-batches-bin"
  /// Side of the images, in pixels.
  public static let imageSizePixels = 32

  public let classNames: [String]
  private let images: BinaryImages
  private let labels: [UInt8]

  /// The files that make up a split.
  static func fileNames(of split: DataSetSplit) -> [String] {
    split == .test ? ["test_batch.bin"] : (1...5).map { "data_batch_\($0).bin" }
  }

  /// Opens one split of the binary folder.
  ///
  /// - Throws: `DataSetError` when a file of the split is missing, has another size than the official one, holds a
  ///   label that is not in 0…9, or when `batches.meta.txt` does not name ten classes.
  public init(_ folder: URL, split: DataSetSplit) throws {
    let command: Wording = "\(ifNamed: .downloadOfCIFAR10, after: " with `", before: "`")"
    images = try BinaryImages(
      Self.fileNames(of: split), in: folder, count: 10_000, side: Self.imageSizePixels, header: 1,
      dataSet: "CIFAR-10", fetchedBy: command)
    labels = try images.labels(at: 0, classCount: 10, fetchedBy: command)
    classNames =
      try BinaryImages.classNames("batches.meta.txt", in: folder, count: 10)
      ?? ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
  }

  public var count: Int { images.count }
  public var layout: String { "CIFAR-10, binary" }
  public func label(at index: Int) -> Int? { Int(labels[index]) }
  public func name(at index: Int) -> String { images.name(at: index) }
  public func key(at index: Int) -> String { images.key(at: index) }
  public func read(at index: Int, into buffer: ByteBuffer) -> StoredImage { images.read(at: index, into: buffer) }
}
