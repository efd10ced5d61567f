import Torch

/// Writes ZIP archives without compression, in the form that PyTorch gives them, for tests of reading them.
public struct StoredZipWriter {
  private var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0

  public init() {}

  public mutating func add(_ name: String, _ contents: [UInt8]) {
    let checksum = contents.withUnsafeBytes { CRC32.of($0) }
    let common =
      Self.fields(
        (0, 2), (0, 2), (0, 4), (Int(checksum), 4), (contents.count, 4), (contents.count, 4), (name.utf8.count, 2))
      + Self.fields((0, 2))
    directory += Self.fields((0x0201_4b50, 4), (0, 2), (0, 2)) + common
    directory += Self.fields((0, 2), (0, 2), (0, 2), (0, 4), (bytes.count, 4)) + Array(name.utf8)
    bytes += Self.fields((0x0403_4b50, 4), (0, 2)) + common + Array(name.utf8) + contents
    count += 1
  }

  /// The whole archive.
  public func finished() -> [UInt8] {
    bytes + directory
      + Self.fields(
        (0x0605_4b50, 4), (0, 2), (0, 2), (count, 2), (count, 2), (directory.count, 4), (bytes.count, 4), (0, 2))
  }

  /// Numbers of so many bytes each, in little-endian order.
  private static func fields(_ numbers: (value: Int, byteCount: Int)...) -> [UInt8] {
    numbers.flatMap { number in (0..<number.byteCount).map { UInt8(truncatingIfNeeded: number.value >> (8 * $0)) } }
  }
}
