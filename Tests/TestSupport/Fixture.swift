import Foundation
import Torch

/// Files in the folder `Fixtures` beside a test's source file.
public struct Fixture {
  private let folder: URL

  public init(testFile: String = #filePath) {
    folder = URL(fileURLWithPath: testFile).deletingLastPathComponent().appendingPathComponent("Fixtures")
  }

  /// The tensors of `NAME.safetensors` by name.
  public func tensors(_ name: String) throws -> [String: Tensor] {
    try SafeTensors.load(folder.appendingPathComponent(name + ".safetensors"))
  }

  /// The contents of `NAME.json`, keys as they are.
  public func jsonWithItsKeys<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(name + ".json")))
  }

  /// The contents of `NAME.json`, whose keys are in snake_case.
  public func json<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: folder.appendingPathComponent(name + ".json")))
  }
}

/// A parameter's or buffer's name and shape, as the fixtures list them: `["conv1.weight", [64, 3, 7, 7]]`.
public struct NamedShape: Decodable, Equatable, Sendable {
  public let name: String
  public let shape: [Int]

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    name = try values.decode(String.self)
    shape = try values.decode([Int].self)
  }
}
