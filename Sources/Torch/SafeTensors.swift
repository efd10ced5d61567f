import Foundation

/// Named tensors in a file, in the safetensors format: a JSON header with names, types and places, then the plain
/// elements. Reading one never runs code.
public struct SafeTensors {
  /// The tensors in the order of their data in the file, on the CPU.
  public var tensors: [(name: String, tensor: Tensor)]
  /// Free text by key.
  public var metadata: [String: String]

  public init(tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func code(of dtype: DType) -> String { SafeTensorsHeader.dtypes.first { $0.value == dtype }!.key }
}

// MARK: - Writing

extension SafeTensors {
  /// Writes the file, whole or not at all.
  ///
  /// - Throws: ``TorchError`` with the path and the reason.
  public func write(to url: URL) throws { try write(to: url, showing: nil) }

  /// Writes the file and shows what is written, front to back.
  package func write(to url: URL, showing: ((UnsafeRawBufferPointer) -> Void)?) throws {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    for (name, tensor) in tensors {
      precondition(header[name] == nil, "SafeTensors: two tensors are named \(name)")
      let start = end
      end += tensor.count * tensor.dtype.byteCount
      header[name] = [
        "dtype": Self.code(of: tensor.dtype), "shape": tensor.shape, "data_offsets": [start, end],
      ]
    }
    var json = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
    json.append(Data(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    try DurableFile.write(to: url, showing: showing) { file in
      try file.write(length)
      try file.write(json)
      for (_, tensor) in tensors {
        try tensor.detached().to(device: .cpu).contiguous().withUnsafeBytes { try file.write($0) }
      }
    }
  }
}

extension NSError {
  /// The reason without Foundation's address of the file.
  var localizedFailureText: String {
    if let underlying = userInfo[NSUnderlyingErrorKey] as? NSError, underlying.domain == NSPOSIXErrorDomain {
      return String(cString: strerror(Int32(underlying.code)))
    }
    return domain == NSCocoaErrorDomain && code == NSFileReadNoSuchFileError ? "no such file" : localizedDescription
  }
}
