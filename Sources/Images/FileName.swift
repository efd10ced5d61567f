/// Names of files as text, though a name may be any bytes.
///
/// Bytes that are no UTF-8 stand in a text as characters that nobody uses, the last 128 of Unicode, so that every name
/// can be kept, ordered and given back to the system as it was. For people they are written as `\xE9`.
package enum FileName {
  private static let firstScalar: UInt32 = 0x10FF00

  /// The text that stands for the bytes of a name.
  package static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !hasStandIns(text) { return text }
    var text = String.UnicodeScalarView()
    var rest = Array(bytes)[...]
    while let first = rest.first {
      let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      if let scalar = String(validating: rest.prefix(length), as: UTF8.self)?.unicodeScalars.first,
        scalar.value < firstScalar
      {
        text.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        text.append(first < 0x80 ? Unicode.Scalar(first) : Unicode.Scalar(firstScalar + UInt32(first))!)
        rest = rest.dropFirst()
      }
    }
    return String(text)
  }

  /// The bytes that a text stands for.
  package static func bytes(_ text: String) -> [UInt8] {
    guard hasStandIns(text) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      scalar.value >= firstScalar ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(scalar).utf8)
    }
  }

  /// The text as people are shown it.
  package static func printable(_ text: String) -> String {
    guard hasStandIns(text) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      if scalar.value >= firstScalar {
        result += "\\x" + String(UInt8(truncatingIfNeeded: scalar.value), radix: 16, uppercase: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }

  /// Passes the bytes that a text stands for to a function of the system's.
  package static func withBytes<Result>(_ text: String, _ body: (UnsafePointer<CChar>) throws -> Result) rethrows
    -> Result
  {
    guard hasStandIns(text) else { return try text.withCString(body) }
    return try (bytes(text) + [0]).withUnsafeBytes { try body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  /// The stand-ins begin with F4 8F BE or F4 8F BF.
  private static func hasStandIns(_ text: String) -> Bool {
    text.utf8.contains(0xF4) && text.unicodeScalars.contains { $0.value >= firstScalar }
  }
}
