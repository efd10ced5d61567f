import CDigest
import Foundation
import Torch

/// Arrays in NumPy's format `.npz`: a ZIP archive of `.npy` files, stored without compression.
///
/// Source: NumPy's description of its format, version 1.0 and 2.0; PKWARE's APPNOTE of ZIP.
struct NumPyArchive {
  private var bytes = Data()
  private var directory = Data()
  private var count = 0

  mutating func add(_ name: String, _ tensor: Tensor) {
    let values = tensor.array(of: Float.self)
    add(name, "<f4", tensor.shape, values.withUnsafeBytes { Data($0) })
  }

  mutating func add(_ name: String, _ numbers: [Int]) {
    add(name, "<i8", [numbers.count], numbers.map(Int64.init).withUnsafeBytes { Data($0) })
  }

  /// Texts take as many characters of four bytes each as the longest one.
  mutating func add(_ name: String, _ texts: [String], shape: [Int]) {
    let width = max(1, texts.map(\.unicodeScalars.count).max() ?? 1)
    var contents = Data(capacity: 4 * width * texts.count)
    for text in texts {
      var characters = text.unicodeScalars.map(\.value)
      characters += Array(repeating: 0, count: width - characters.count)
      characters.withUnsafeBytes { contents.append(contentsOf: $0) }
    }
    add(name, "<U\(width)", shape, contents)
  }

  private mutating func add(_ name: String, _ type: String, _ shape: [Int], _ contents: Data) {
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // What comes before the numbers has a multiple of 64 bytes.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let file =
      Data(
        [0x93] + Array("NUMPY".utf8) + [1, 0] + Self.fields((header.utf8.count, 2))
          + Array(header.utf8)) + contents
    addFile(name + ".npy", file)
  }

  private mutating func addFile(_ name: String, _ contents: Data) {
    let checksum = contents.withUnsafeBytes { cdigest_crc32(0, $0.baseAddress, $0.count) }
    // The first of January 1980, the earliest that there is.
    let common =
      Self.fields(
        (0, 2), (0, 2), (0, 2), (0x21, 2), (Int(checksum), 4), (contents.count, 4),
        (contents.count, 4),
        (name.utf8.count, 2))
      + Self.fields((0, 2))
    directory += Self.fields((0x0201_4b50, 4), (20, 2), (20, 2)) + common
    directory += Self.fields((0, 2), (0, 2), (0, 2), (0, 4), (bytes.count, 4)) + Array(name.utf8)
    bytes += Self.fields((0x0403_4b50, 4), (20, 2)) + common + Array(name.utf8)
    bytes += contents
    count += 1
  }

  /// The whole archive.
  ///
  /// - Throws: ``EvaluationError`` when it is larger than ZIP's numbers of four bytes reach.
  func finished() throws -> Data {
    guard bytes.count + directory.count < 0xFFFF_FFFF else {
      throw EvaluationError(
        "an .npz file holds up to 4 GB, and these features take \(bytes.count >> 20) MiB: write safetensors"
      )
    }
    return bytes + directory
      + Self.fields(
        (0x0605_4b50, 4), (0, 2), (0, 2), (count, 2), (count, 2), (directory.count, 4),
        (bytes.count, 4), (0, 2))
  }

  /// Numbers of so many bytes each, in little-endian order.
  private static func fields(_ numbers: (value: Int, byteCount: Int)...) -> [UInt8] {
    numbers.flatMap { number in
      (0..<number.byteCount).map { UInt8(truncatingIfNeeded: number.value >> (8 * $0)) }
    }
  }
}
