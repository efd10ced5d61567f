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

  /// The tensors of a file by name.
  ///
  /// - Throws: ``TorchError`` when the file cannot be read or is not a whole safetensors file.
  public static func load(_ url: URL) throws -> [String: Tensor] {
    Dictionary(try SafeTensors(contentsOf: url).tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
  }

  /// The element types of the format that tensors here can have.
  private static let dtypes: [String: DType] = [
    "U8": .uint8, "BOOL": .bool, "I32": .int32, "I64": .int64, "F16": .float16, "BF16": .bfloat16, "F32": .float32,
    "F64": .float64,
  ]

  private static func code(of dtype: DType) -> String { dtypes.first { $0.value == dtype }!.key }
}

// MARK: - Writing

extension SafeTensors {
  /// Writes the file, whole or not at all.
  ///
  /// - Throws: ``TorchError`` with the path and the reason.
  public func write(to url: URL) throws {
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
    try DurableFile.write(to: url) { file in
      try file.write(length)
      try file.write(json)
      for (_, tensor) in tensors {
        try tensor.detached().to(device: .cpu).contiguous().withUnsafeBytes { try file.write($0) }
      }
    }
  }
}

// MARK: - Reading

extension SafeTensors {
  /// Reads a file.
  ///
  /// - Throws: ``TorchError`` when the file cannot be read or is not a whole safetensors file.
  public init(contentsOf url: URL) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw TorchError("cannot read \(url.path): \((error as NSError).localizedFailureText)")
    }
    do {
      try self.init(data)
    } catch let error as TorchError {
      throw TorchError("\(url.path) is not a whole safetensors file: \(error)")
    }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``TorchError`` when they are not a whole safetensors file.
  package init(_ data: Data) throws {
    let prefix = 8
    guard data.count >= prefix else { throw TorchError("it has \(data.count) bytes, fewer than its header's length") }
    let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= UInt64(data.count - prefix) else {
      throw TorchError("its header should have \(length) bytes, but only \(data.count - prefix) follow")
    }
    let body = prefix + Int(length)
    guard
      let header = try? JSONSerialization.jsonObject(with: data[(data.startIndex + prefix)..<(data.startIndex + body)])
        as? [String: Any]
    else { throw TorchError("its header is not a JSON object") }
    metadata = header["__metadata__"] as? [String: String] ?? [:]
    var placed: [(start: Int, name: String, tensor: Tensor)] = []
    for (name, value) in header where name != "__metadata__" {
      let entry = try Entry(value, name: name, available: data.count - body)
      let tensor = data.withUnsafeBytes { bytes in
        Tensor(
          bytes: UnsafeRawBufferPointer(rebasing: bytes[(body + entry.start)..<(body + entry.end)]),
          shape: entry.shape, dtype: entry.dtype)
      }
      placed.append((entry.start, name, tensor))
    }
    tensors = placed.sorted { ($0.start, $0.name) < ($1.start, $1.name) }.map { ($0.name, $0.tensor) }
  }

  /// One tensor's line of the header, found to be consistent.
  private struct Entry {
    let dtype: DType
    let shape: [Int]
    let start: Int
    let end: Int

    init(_ value: Any, name: String, available: Int) throws {
      guard let fields = value as? [String: Any], let code = fields["dtype"] as? String,
        let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
      else { throw TorchError("the header's entry for \(name) lacks dtype, shape or data_offsets") }
      guard let dtype = SafeTensors.dtypes[code] else { throw TorchError("\(name) has the unknown type \(code)") }
      var bytes = dtype.byteCount
      for size in shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
        guard size >= 0, !overflow else { throw TorchError("\(name) has the impossible shape \(shape)") }
        bytes = product
      }
      guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= available else {
        throw TorchError("\(name) should lie at bytes \(offsets[0])..<\(offsets[1]), but the file has \(available)")
      }
      guard offsets[1] - offsets[0] == bytes else {
        throw TorchError("\(name) of shape \(shape) needs \(bytes) bytes, but has \(offsets[1] - offsets[0])")
      }
      (self.dtype, self.shape, self.start, self.end) = (dtype, shape, offsets[0], offsets[1])
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
