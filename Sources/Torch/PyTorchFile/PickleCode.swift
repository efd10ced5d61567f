/// The opcodes of a pickle and what follows them, front to back.
struct PickleCode {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func byte() throws -> UInt8 { try take(1)[0] }

  /// A whole number of 1, 2 or 4 bytes, without sign.
  mutating func number(_ count: Int) throws -> Int { try take(count).reversed().reduce(0) { $0 << 8 | Int($1) } }

  /// A number with sign, of as many bytes as the first one says.
  mutating func longInteger() throws -> Int {
    let digits = try take(Int(try byte()))
    guard digits.count <= 8 else { throw PyTorchFileProblem("its pickle has a number of more than 64 bits") }
    let isNegative = digits.last.map { $0 & 0x80 != 0 } ?? false
    return digits.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }
  }

  mutating func real() throws -> Double {
    Double(bitPattern: try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  mutating func text(_ count: Int) throws -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw PyTorchFileProblem("its pickle has a text that is not UTF-8")
    }
    return text
  }

  /// The text up to the end of the line.
  mutating func line() throws -> String {
    guard let end = bytes[position...].firstIndex(of: 0x0a) else { throw Self.cutOff }
    let text = try text(end - position)
    position += 1
    return text
  }

  private mutating func take(_ count: Int) throws -> [UInt8] {
    guard count <= bytes.count - position else { throw Self.cutOff }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  private static var cutOff: PyTorchFileProblem { PyTorchFileProblem("its pickle is cut off") }

  /// The name of an opcode that is not carried out, as Python's `pickletools` has it.
  static func name(of opcode: UInt8) -> String {
    let names: [Unicode.Scalar: String] = [
      "i": "INST", "o": "OBJ", "\u{81}": "NEWOBJ", "\u{92}": "NEWOBJ_EX", "\u{93}": "STACK_GLOBAL", "\u{82}": "EXT1",
      "\u{83}": "EXT2", "\u{84}": "EXT4", "P": "PERSID", "0": "POP", "1": "POP_MARK", "2": "DUP", "I": "INT",
      "L": "LONG",
      "\u{8b}": "LONG4", "F": "FLOAT", "S": "STRING", "T": "BINSTRING", "U": "SHORT_BINSTRING", "V": "UNICODE",
      "\u{8c}": "SHORT_BINUNICODE", "\u{8d}": "BINUNICODE8", "B": "BINBYTES", "C": "SHORT_BINBYTES",
      "\u{8e}": "BINBYTES8", "\u{96}": "BYTEARRAY8", "l": "LIST", "d": "DICT", "p": "PUT", "g": "GET",
      "\u{94}": "MEMOIZE", "\u{95}": "FRAME", "\u{8f}": "EMPTY_SET", "\u{90}": "ADDITEMS", "\u{91}": "FROZENSET",
    ]
    return names[Unicode.Scalar(opcode)] ?? "the unknown opcode \(opcode)"
  }
}
