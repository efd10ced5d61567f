import Foundation
import Images

/// STL-10 in its official binary form, `stl10_binary`: color images of 96 × 96 pixels, 5,000 to train and 8,000 to test
/// in 10 classes, and 100,000 without labels.
///
/// Source: A. Coates, H. Lee, A. Ng, *An Analysis of Single Layer Networks in Unsupervised Feature Learning*, 2011.
public struct STL10: ImageDataSet {
  /// Name of the folder that the official archive unpacks to.
  public static let folderName = "stl10_binary"

  public let classNames: [String]
  private let images: BinaryImages
  private let labels: [UInt8]

  /// Opens one split of the binary folder; `unlabeled` has neither classes nor labels.
  ///
  /// - Throws: `DataSetError` when a file of the split is missing or has another size than the official one, a label is
  ///   not in 1…10, or `class_names.txt` does not name ten classes.
  public init(_ folder: URL, split: DataSetSplit) throws {
    let (name, count) =
      switch split {
      case .train: ("train", 5_000)
      case .test, .validation: ("test", 8_000)
      case .unlabeled: ("unlabeled", 100_000)
      }
    images = try BinaryImages(
      [name + "_X.bin"], in: folder, count: count, side: 96, header: 0, order: .columns, dataSet: "STL-10")
    guard split != .unlabeled else {
      (labels, classNames) = ([], [])
      return
    }
    let path = folder.path + "/" + name + "_y.bin"
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count == count else {
      throw DataSetError("\(path): expected \(count) bytes, one label for each image; get STL-10 again")
    }
    if let record = bytes.firstIndex(where: { !(1...10 ~= $0) }) {
      throw DataSetError(
        "\(path): label \(bytes[record]) of image \(record), expected 1…10: the file is damaged; get it again")
    }
    labels = bytes.map { $0 - 1 }
    classNames = try BinaryImages.classNames("class_names.txt", in: folder, count: 10) ?? (1...10).map(String.init)
  }

  public var count: Int { images.count }
  public var layout: String { "STL-10, binary" }
  public func label(at index: Int) -> Int? { labels.isEmpty ? nil : Int(labels[index]) }
  public func name(at index: Int) -> String { images.name(at: index) }
  public func key(at index: Int) -> String { images.key(at: index) }
  public func read(at index: Int, into buffer: ByteBuffer) -> StoredImage { images.read(at: index, into: buffer) }

  /// The ten predefined folds, each 1,000 indices of train images, from `fold_indices.txt`. The data set's protocol is to
  /// train on one at a time, test on all test images, and report the mean.
  ///
  /// - Throws: `DataSetError` when the file is missing, or is not ten lines of indices of train images.
  public static func folds(in folder: URL) throws -> [[Int]] {
    let path = folder.path + "/fold_indices.txt"
    let lines = (try? String(contentsOfFile: path, encoding: .utf8))?.split(whereSeparator: \.isNewline) ?? []
    let folds = lines.map { $0.split(separator: " ").map { Int($0) ?? -1 } }
    guard folds.count == 10, folds.allSatisfy({ !$0.isEmpty && $0.allSatisfy((0..<5_000).contains) }) else {
      throw DataSetError("\(path): expected ten lines of indices from 0 to 4999; get STL-10 again")
    }
    return folds
  }

  /// The images of one fold.
  ///
  /// - Parameter fold: 0…9.
  /// - Throws: `DataSetError` as `folds(in:)`, and when the train images cannot be opened.
  public static func fold(_ fold: Int, in folder: URL) throws -> SubsetDataSet {
    precondition(0..<10 ~= fold, "STL10.fold: expected 0…9, got \(fold)")
    return SubsetDataSet(try STL10(folder, split: .train), indices: try folds(in: folder)[fold])
  }
}
