import Foundation

/// What the head of a safetensors file says: its tensors' names, types, shapes and places. It is held to the format to the
/// letter, for files come from anywhere: every byte of the data belongs to one tensor, and every name is there once.
struct SafeTensorsHeader {
  /// One tensor.
  struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// Its bytes in the file.
    let range: Range<Int>

    /// The name as messages show it.
    var shownName: String { name.shownInMessage }
  }

  /// What is wrong with a file, in words that go on from its name.
  struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }

  /// In the order of their data.
  let entries: [Entry]
  let metadata: [String: String]

  /// The element types of the format that tensors here can have.
  static let dtypes: [String: DType] = [
    "U8": .uint8, "BOOL": .bool, "I32": .int32, "I64": .int64, "F16": .float16, "BF16": .bfloat16, "F32": .float32,
    "F64": .float64,
  ]

  /// The same limit as the format's own reader has.
  private static let maximumByteCount = 100_000_000
  private static let maximumRank = 32

  /// - Throws: ``Problem`` when the bytes are not a whole safetensors file; what reading them throws.
  init(of bytes: some RandomAccessBytes) throws {
    let prefix = 8
    guard bytes.count >= prefix else { throw Problem("it has \(bytes.count) bytes, fewer than its header's length") }
    let length = try bytes.bytes(0..<prefix).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - prefix) else {
      throw Problem("its header should have \(length) bytes, but only \(bytes.count - prefix) follow")
    }
    guard length <= UInt64(Self.maximumByteCount) else {
      throw Problem("its header has \(length) bytes, more than the \(Self.maximumByteCount) that the format allows")
    }
    let body = prefix + Int(length)
    try self.init(json: bytes.bytes(prefix..<body), data: body..<bytes.count)
  }

  /// - Parameters:
  ///   - json: the header's text.
  ///   - data: the bytes of the file that follow it.
  private init(json: [UInt8], data: Range<Int>) throws {
    do {
      (entries, metadata) = try json.withUnsafeBytes { text in
        var scanner = JSONScanner(text)
        return try Self.scan(&scanner, data: data)
      }
    } catch let error as JSONScanner.Unexpected {
      throw Problem("its header is not the JSON of this format: \(error)")
    }
    var end = data.lowerBound
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw Problem("\(entry.shownName) \(what)")
      }
      end = entry.range.upperBound
    }
    guard end == data.upperBound else { throw Problem("\(data.upperBound - end) bytes at its end belong to no tensor") }
  }

  private static func scan(_ scanner: inout JSONScanner, data: Range<Int>) throws -> ([Entry], [String: String]) {
    var (entries, names, metadata) = ([Entry](), Set<String>(), [String: String]())
    try scanner.object { scanner, name in
      guard names.insert(name).inserted else { throw Problem("the name \(name.shownInMessage) is there twice") }
      guard name == "__metadata__" else {
        return entries.append(try Fields(&scanner, of: name).entry(named: name, data: data))
      }
      try scanner.object { scanner, key in
        guard metadata.updateValue(try scanner.string(), forKey: key) == nil else {
          throw Problem("the metadata have \(key.shownInMessage) twice")
        }
      }
    }
    try scanner.end()
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    return (entries, metadata)
  }

  /// What the header says of a tensor, before it is found to fit.
  private struct Fields {
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?

    init(_ scanner: inout JSONScanner, of name: String) throws {
      var fields = (dtype: String?.none, shape: [Int]?.none, offsets: [Int]?.none)
      try scanner.object { scanner, key in
        switch key {
        case "dtype" where fields.dtype == nil: fields.dtype = try scanner.string()
        case "shape" where fields.shape == nil: fields.shape = try scanner.wholeNumbers()
        case "data_offsets" where fields.offsets == nil: fields.offsets = try scanner.wholeNumbers()
        default: throw Problem("\(name.shownInMessage) has an unknown or repeated field \(key.shownInMessage)")
        }
      }
      (dtype, shape, offsets) = fields
    }

    func entry(named name: String, data: Range<Int>) throws -> Entry {
      let shown = name.shownInMessage
      guard let dtype, let shape, let offsets, offsets.count == 2 else {
        throw Problem("the header's entry for \(shown) lacks dtype, shape or data_offsets")
      }
      guard let type = SafeTensorsHeader.dtypes[dtype] else {
        throw Problem("\(shown) has the type \(dtype.shownInMessage), which is not among those read here")
      }
      guard let bytes = type.byteCount(of: shape), shape.count <= SafeTensorsHeader.maximumRank else {
        throw Problem("\(shown) has the impossible shape \("\(shape)".shownInMessage)")
      }
      guard offsets[0] <= offsets[1], offsets[1] <= data.count else {
        throw Problem("\(shown) should lie at bytes \(offsets[0])..<\(offsets[1]), but the file has \(data.count)")
      }
      guard offsets[1] - offsets[0] == bytes else {
        throw Problem("\(shown) of shape \(shape) needs \(bytes) bytes, but has \(offsets[1] - offsets[0])")
      }
      let range = data.lowerBound + offsets[0]..<data.lowerBound + offsets[1]
      return Entry(name: name, dtype: type, shape: shape, range: range)
    }
  }
}

extension DType {
  /// The bytes of a tensor of this type; nil where its shape cannot be: sizes below 0, or so many that strides overflow,
  /// though another size is 0.
  func byteCount(of shape: [Int]) -> Int? {
    var bound = byteCount
    for size in shape {
      let (product, overflow) = bound.multipliedReportingOverflow(by: max(size, 1))
      guard size >= 0, !overflow else { return nil }
      bound = product
    }
    return shape.contains(0) ? 0 : bound
  }
}

extension String {
  /// A text from a file as messages show it: short, on one line.
  var shownInMessage: String {
    let short = prefix(80)
    let scalars = short.unicodeScalars.prefix(160).map { $0.value < 32 || $0.properties.isWhitespace ? " " : $0 }
    let plain = String(String.UnicodeScalarView(scalars))
    return plain.count < count ? plain + "…" : plain
  }
}
