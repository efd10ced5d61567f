/// Why an encoder cannot be evaluated, in one or two plain lines: what was expected, what came, what to try.
public struct EvaluationError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String

  /// Wraps a text for the user.
  public init(_ description: String) { self.description = description }
}
