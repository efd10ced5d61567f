import Foundation
import VisionData

/// Tensors and metadata of a `.safetensors` file beside the tests, read without the module under test.
struct Fixture {
  private let bytes: Data
  private let header: [String: Any]
  private let start: Int

  init(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    bytes = try Data(contentsOf: folder.appendingPathComponent(name + ".safetensors"))
    let headerSize = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    start = 8 + headerSize
    header = try JSONSerialization.jsonObject(with: bytes[8..<start]) as? [String: Any] ?? [:]
  }

  var names: [String] { header.keys.filter { $0 != "__metadata__" }.sorted() }

  /// A JSON text in the metadata.
  func json(_ key: String) throws -> Any {
    let metadata = header["__metadata__"] as! [String: String]
    return try JSONSerialization.jsonObject(with: Data(metadata[key]!.utf8), options: .fragmentsAllowed)
  }

  func shape(_ name: String) -> [Int] {
    (header[name] as! [String: Any])["shape"] as! [Int]
  }

  func bytes(_ name: String) -> [UInt8] {
    let offsets = (header[name] as! [String: Any])["data_offsets"] as! [Int]
    return [UInt8](bytes[(start + offsets[0])..<(start + offsets[1])])
  }

  /// A tensor `[height, width, 3]` of bytes.
  func image(_ name: String) -> PixelImage {
    PixelImage(width: shape(name)[1], height: shape(name)[0], pixels: bytes(name))
  }

  func floats(_ name: String) -> [Float] {
    bytes(name).withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
  }
}
