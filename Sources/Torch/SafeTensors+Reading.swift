import Foundation

extension SafeTensors {
  /// Reads a file. Beside the tensors this takes memory for the header only.
  ///
  /// - Throws: ``TorchError`` when the file cannot be read or is not a whole safetensors file.
  public init(contentsOf url: URL) throws {
    let file = try RegularFile(url)
    do {
      try self.init(reading: file)
    } catch let error as SafeTensorsHeader.Problem {
      throw TorchError("\(url.path) is not a whole safetensors file: \(error.description)")
    }
  }

  /// The tensors of a file by name.
  ///
  /// - Throws: ``TorchError`` when the file cannot be read or is not a whole safetensors file.
  public static func load(_ url: URL) throws -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: try SafeTensors(contentsOf: url).tensors.map { ($0.name, $0.tensor) })
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``TorchError`` when they are not a whole safetensors file.
  package init(_ data: Data) throws {
    do {
      try self.init(reading: data)
    } catch let error as SafeTensorsHeader.Problem {
      throw TorchError(error.description)
    }
  }

  private init(reading bytes: some RandomAccessBytes) throws {
    let header = try SafeTensorsHeader(of: bytes)
    var tensors: [(name: String, tensor: Tensor)] = []
    for entry in header.entries {
      let tensor = try bytes.tensor(entry.range, shape: entry.shape, dtype: entry.dtype)
      // C++ may do anything with a truth value that is neither.
      guard entry.dtype != .bool || tensor.withUnsafeBytes({ $0.allSatisfy { $0 <= 1 } }) else {
        throw SafeTensorsHeader.Problem("\(entry.shownName) has truth values that are neither 0 nor 1")
      }
      tensors.append((entry.name, tensor))
    }
    self.init(tensors: tensors, metadata: header.metadata)
  }
}
