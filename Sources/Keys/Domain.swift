import Yams

/// The values that a key may have, and how they are read and written.
///
/// A domain knows values at its edges, on either side, from which tests are made: whoever declares a range has it tested.
public struct Domain<Value: Sendable>: Sendable {
  /// What is read, whatever the range.
  public let type: ValueType
  /// What a value must be, for messages and documentation: `at least 2`.
  public let expectation: String
  /// Values at the edges that are allowed, as they are written.
  public let allowedAtEdges: [String]
  /// Values just beyond the edges, as they are written; empty where everything is allowed that can be read.
  public let refusedAtEdges: [String]

  /// What is wrong with a value that is not allowed; nil for one that is.
  let expected: @Sendable (Value) -> String?
  /// Nil for what is not of this type.
  let read: @Sendable (Node) -> Value?
  /// As YAML, from which ``read`` makes exactly the same value; nil for a value that is left out.
  let write: @Sendable (Value) -> String?

  /// Whether the key may be left out and then has no value.
  let isOptional: Bool

  /// Reads and writes with closures, of which `read` undoes what `write` does.
  init(
    _ type: ValueType, _ expectation: String, allowed: [String], refused: [String], isOptional: Bool = false,
    expected: @escaping @Sendable (Value) -> String?, read: @escaping @Sendable (Node) -> Value?,
    write: @escaping @Sendable (Value) -> String?
  ) {
    (self.type, self.expectation, self.isOptional) = (type, expectation, isOptional)
    (allowedAtEdges, refusedAtEdges) = (allowed, refused)
    (self.expected, self.read, self.write) = (expected, read, write)
  }

  /// The same values, or none: for a key that may be left out.
  public var optional: Domain<Value?> {
    Domain<Value?>(
      type, expectation, allowed: allowedAtEdges, refused: refusedAtEdges, isOptional: true,
      expected: { [expected] value in value.flatMap(expected) },
      read: { [read] node in node.null != nil ? .some(nil) : read(node).map(Optional.some) },
      write: { [write] value in value.flatMap(write) })
  }
}

/// What kind of value a key has.
public enum ValueType: Equatable, Sendable {
  case wholeNumber, number, trueOrFalse, text
  case choice([String])
  /// So many numbers.
  case numbers(Int)

  /// For messages: `a whole number`.
  public var words: String {
    switch self {
    case .wholeNumber: "a whole number"
    case .number: "a number"
    case .trueOrFalse: "true or false"
    case .text: "a word"
    case .choice(let words): "one of \(words.joined(separator: ", "))"
    case .numbers: "a list of numbers"
    }
  }
}
