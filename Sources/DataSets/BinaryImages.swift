import Foundation
import Images

/// Records of one size in files that are mapped into memory, not read into it, so that processes on one machine share
/// them: the form in which CIFAR and STL-10 come.
struct BinaryImages: Sendable {
  /// How the samples of a channel follow each other.
  enum Order {
    case rows
    case columns
  }

  let recordsPerFile: Int
  private let paths: [String]
  private let files: [Data]
  private let side: Int
  private let header: Int
  private let order: Order

  /// Opens files that hold the same number of records each: `header` bytes, then red, green and blue planes.
  ///
  /// - Parameters:
  ///   - count: Records in a file.
  ///   - command: What fetches the data set, for errors.
  /// - Throws: `DataSetError` when a file is missing or has another size.
  init(
    _ names: [String], in folder: URL, count: Int, side: Int, header: Int, order: Order = .rows, dataSet: String,
    fetchedBy command: Wording = ""
  ) throws {
    (recordsPerFile, self.side, self.header, self.order) = (count, side, header, order)
    paths = names.map { folder.path + "/" + $0 }
    files = try paths.map { path in
      let expected = count * (header + 3 * side * side)
      guard let size = FileSystem.size(of: path) else {
        throw DataSetError("\(path) is missing", advice: "get \(dataSet) again\(command)")
      }
      guard size == expected else {
        throw DataSetError(
          "\(path)", expected: "\(expected) bytes (\(count) records of \(header + 3 * side * side))", got: "\(size)",
          advice: "the file is incomplete or not \(dataSet); get it again\(command)")
      }
      do {
        return try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
      } catch {
        throw DataSetError("\(path) cannot be read: \(error.localizedDescription)")
      }
    }
  }

  var count: Int { files.count * recordsPerFile }

  /// A byte of each record's header.
  private func headerBytes(_ position: Int) -> [UInt8] {
    files.flatMap { file in
      file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
        (0..<recordsPerFile).map { bytes[$0 * recordBytes + position] }
      }
    }
  }

  /// Labels that lie in the headers.
  ///
  /// - Throws: `DataSetError` naming the first that is not below `classCount`.
  func labels(at position: Int, classCount: Int, fetchedBy command: Wording = "") throws -> [UInt8] {
    let labels = headerBytes(position)
    if let record = labels.firstIndex(where: { $0 >= classCount }) {
      throw DataSetError(
        "\(paths[record / recordsPerFile]): record \(record % recordsPerFile) has label \(labels[record]), expected 0…\(classCount - 1)",
        advice: "the file is damaged; get it again\(command)")
    }
    return labels
  }

  func name(at index: Int) -> String {
    "\(paths[index / recordsPerFile]), record \(index % recordsPerFile)"
  }

  /// The name of the file and the record in it.
  func key(at index: Int) -> String { String(name(at: index).split(separator: "/").last!) }

  func read(at index: Int, into buffer: ByteBuffer) -> StoredImage {
    let plane = side * side
    let start = index % recordsPerFile * recordBytes + header
    let pixels = buffer.resize(to: 3 * plane)
    files[index / recordsPerFile].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      for row in 0..<side {
        for column in 0..<side {
          let source = start + (order == .rows ? row * side + column : column * side + row)
          let target = 3 * (row * side + column)
          pixels[target] = bytes[source]
          pixels[target + 1] = bytes[source + plane]
          pixels[target + 2] = bytes[source + 2 * plane]
        }
      }
    }
    return .pixels(width: side, height: side)
  }

  private var recordBytes: Int { header + 3 * side * side }

  /// The lines of a file of class names, which must be as many as there are classes; nil where there is no such file.
  static func classNames(_ name: String, in folder: URL, count: Int) throws -> [String]? {
    let path = folder.path + "/" + name
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let names = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard names.count == count else {
      throw DataSetError("\(path)", expected: "\(count) class names", got: "\(names.count)")
    }
    return names
  }
}
