import Foundation

/// CIFAR-10 in its official binary form, `cifar-10-batches-bin`: 60,000 colour images of 32 × 32 pixels in 10 classes.
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

  static let recordsPerFile = 10_000
  static let planeBytes = imageSizePixels * imageSizePixels
  static let recordBytes = 1 + 3 * planeBytes

  public let classNames: [String]

  private let paths: [String]
  private let files: [Data]
  private let labels: [UInt8]

  /// The files that make up a split.
  static func fileNames(of split: DataSetSplit) -> [String] {
    switch split {
    case .train: (1...5).map { "data_batch_\($0).bin" }
    case .test: ["test_batch.bin"]
    }
  }

  /// Opens one split of the binary folder.
  ///
  /// - Throws: `VisionDataError` when a file of the split is missing, has another size than the official one, holds a
  ///   label that is not in 0…9, or when `batches.meta.txt` does not name ten classes.
  public init(_ folder: URL, split: DataSetSplit) throws {
    var files: [Data] = []
    var labels: [UInt8] = []
    var paths: [String] = []
    for name in Self.fileNames(of: split) {
      let path = folder.path + "/" + name
      let expected = Self.recordsPerFile * Self.recordBytes
      guard let size = FileSystem.size(of: path) else {
        throw VisionDataError("\(path) is missing: get CIFAR-10 again with `simclr data cifar10`")
      }
      guard size == expected else {
        throw VisionDataError(
          "\(path): expected \(expected) bytes (10000 records of 3073), got \(size): the file is incomplete or not "
            + "CIFAR-10; get it again with `simclr data cifar10`")
      }
      let data: Data
      do {
        data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
      } catch {
        throw VisionDataError("\(path) cannot be read: \(error.localizedDescription)")
      }
      let fileLabels = data.withUnsafeBytes { bytes in
        (0..<Self.recordsPerFile).map { bytes[$0 * Self.recordBytes] }
      }
      if let record = fileLabels.firstIndex(where: { $0 > 9 }) {
        throw VisionDataError(
          "\(path): record \(record) has label \(fileLabels[record]), expected 0…9: the file is damaged; get it again "
            + "with `simclr data cifar10`")
      }
      files.append(data)
      labels += fileLabels
      paths.append(path)
    }
    self.files = files
    self.labels = labels
    self.paths = paths
    self.classNames = try Self.classNames(in: folder)
  }

  public var count: Int { labels.count }

  public func label(at index: Int) -> Int? { Int(labels[index]) }

  public func name(at index: Int) -> String {
    "\(paths[index / Self.recordsPerFile]), record \(index % Self.recordsPerFile)"
  }

  public func read(at index: Int, into buffer: ByteBuffer) -> StoredImage {
    let plane = Self.planeBytes
    let start = (index % Self.recordsPerFile) * Self.recordBytes + 1
    let pixels = buffer.resize(to: 3 * plane)
    files[index / Self.recordsPerFile].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      for position in 0..<plane {
        pixels[3 * position] = bytes[start + position]
        pixels[3 * position + 1] = bytes[start + plane + position]
        pixels[3 * position + 2] = bytes[start + 2 * plane + position]
      }
    }
    return .pixels(width: Self.imageSizePixels, height: Self.imageSizePixels)
  }

  /// The ten names, from `batches.meta.txt` where it is there.
  private static func classNames(in folder: URL) throws -> [String] {
    let path = folder.path + "/batches.meta.txt"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      return ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    }
    let names = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard names.count == 10 else {
      throw VisionDataError("\(path): expected 10 class names, got \(names.count)")
    }
    return names
  }
}
