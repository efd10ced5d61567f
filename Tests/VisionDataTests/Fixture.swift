import Foundation
import Torch
import VisionData

/// Tensors and metadata of a `.safetensors` file beside the tests.
struct Fixture {
  private let tensors: [String: Tensor]
  private let metadata: [String: String]

  init(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    let file = try SafeTensors(contentsOf: folder.appendingPathComponent(name + ".safetensors"))
    tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.tensor) })
    metadata = file.metadata
  }

  var names: [String] { tensors.keys.sorted() }

  /// A JSON text in the metadata.
  func json(_ key: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(metadata[key]!.utf8), options: .fragmentsAllowed)
  }

  func shape(_ name: String) -> [Int] { tensors[name]!.shape }

  func bytes(_ name: String) -> [UInt8] { tensors[name]!.array(of: UInt8.self) }

  /// A tensor `[height, width, 3]` of bytes.
  func image(_ name: String) -> PixelImage {
    PixelImage(width: shape(name)[1], height: shape(name)[0], pixels: bytes(name))
  }

  func integers(_ name: String) -> [Int] { tensors[name]!.array(of: Int.self) }

  func floats(_ name: String) -> [Float] { tensors[name]!.array(of: Float.self) }
}
