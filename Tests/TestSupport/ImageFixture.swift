import Foundation
import Images
import Torch

/// Tensors and metadata of one `.safetensors` file in the folder `Fixtures` beside a test's source file.
public struct ImageFixture {
  private let tensors: [String: Tensor]
  private let metadata: [String: String]

  public init(_ name: String, testFile: String = #filePath) throws {
    let folder = URL(fileURLWithPath: testFile).deletingLastPathComponent().appendingPathComponent("Fixtures")
    let file = try SafeTensors(contentsOf: folder.appendingPathComponent(name + ".safetensors"))
    tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.tensor) })
    metadata = file.metadata
  }

  public var names: [String] { tensors.keys.sorted() }

  /// A JSON text in the metadata.
  public func json(_ key: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(metadata[key]!.utf8), options: .fragmentsAllowed)
  }

  public func shape(_ name: String) -> [Int] { tensors[name]!.shape }

  public func bytes(_ name: String) -> [UInt8] { tensors[name]!.array(of: UInt8.self) }

  /// A tensor `[height, width, 3]` of bytes.
  public func image(_ name: String) -> PixelImage {
    PixelImage(width: shape(name)[1], height: shape(name)[0], pixels: bytes(name))
  }

  public func integers(_ name: String) -> [Int] { tensors[name]!.array(of: Int.self) }

  public func floats(_ name: String) -> [Float] { tensors[name]!.array(of: Float.self) }
}
