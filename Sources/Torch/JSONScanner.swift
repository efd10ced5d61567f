/// Reads JSON front to back, as the caller expects it: nothing is kept, and nothing else than what is asked for is
/// accepted, so that a text of any size or depth takes no more memory than what is taken out of it.
struct JSONScanner {
  /// The text is not what was asked for.
  struct Unexpected: Error, CustomStringConvertible {
    let expected: String
    let position: Int

    var description: String { "expected \(expected) at byte \(position)" }
  }

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// - Parameter bytes: the text, which must stay where it is.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// An object; `body` is told each key and must read its value.
  mutating func object(_ body: (inout JSONScanner, String) throws -> Void) throws {
    try list("{", "}", "an object") { scanner in
      let key = try scanner.string()
      try scanner.expect(":")
      try body(&scanner, key)
    }
  }

  /// An array of whole numbers from 0.
  mutating func wholeNumbers() throws -> [Int] {
    var numbers: [Int] = []
    try list("[", "]", "a list") { numbers.append(try $0.wholeNumber()) }
    return numbers
  }

  /// A whole number from 0 that an `Int` holds, without sign, fraction or exponent.
  mutating func wholeNumber() throws -> Int {
    skipSpaces()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = Int(bytes[position]) - 0x30, 0...9 ~= digit {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw Unexpected(expected: "a number below 2⁶³", position: start) }
      value = sum
      position += 1
    }
    let hasLeadingZero = bytes.count > start && bytes[start] == 0x30 && position > start + 1
    guard position > start, !hasLeadingZero else { throw Unexpected(expected: "a whole number", position: start) }
    return value
  }

  /// A string.
  mutating func string() throws -> String {
    try expect("\"")
    let start = position
    var text: [UInt8] = []
    while position < bytes.count, case let byte = bytes[position], byte >= 0x20 {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw Unexpected(expected: "text in UTF-8", position: start)
        }
        return string
      case UInt8(ascii: "\\"): text += try escaped()
      default: text.append(byte)
      }
    }
    throw Unexpected(expected: "the end of a string", position: position)
  }

  /// Confirms that nothing but spaces follows.
  mutating func end() throws {
    skipSpaces()
    guard position == bytes.count else { throw Unexpected(expected: "the end", position: position) }
  }

  private mutating func list(
    _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ what: String, _ element: (inout JSONScanner) throws -> Void
  ) throws {
    guard skip(opening) else { throw Unexpected(expected: what, position: position) }
    if skip(closing) { return }
    repeat { try element(&self) } while skip(",")
    try expect(closing)
  }

  /// What follows a backslash.
  private mutating func escaped() throws -> [UInt8] {
    guard position < bytes.count else { throw Unexpected(expected: "an escaped character", position: position) }
    let start = position
    position += 1
    switch bytes[start] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [bytes[start]]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    default: break
    }
    guard bytes[start] == UInt8(ascii: "u") else { throw Unexpected(expected: "an escaped character", position: start) }
    var units = [try hexadecimalUnit()]
    if UTF16.isLeadSurrogate(units[0]), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      units.append(try hexadecimalUnit())
    }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw Unexpected(expected: "a character of Unicode", position: start)
    }
    return Array(text.utf8)
  }

  private mutating func hexadecimalUnit() throws -> UInt16 {
    guard position + 4 <= bytes.count else { throw Unexpected(expected: "four digits", position: position) }
    let unit = try (position..<position + 4).reduce(UInt16(0)) { unit, place in
      guard let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
        throw Unexpected(expected: "a digit from 0 to f", position: place)
      }
      return unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard skip(character) else { throw Unexpected(expected: "'\(character)'", position: position) }
  }

  /// Goes past spaces and then this character; whether it was there.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpaces() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }
}
