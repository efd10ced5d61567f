/// An error that the world makes (files, bytes, network, configuration), as every module throws it: a type of its own, one
/// ``Explanation``.
public protocol ExplainedError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What it says.
  var explanation: Explanation { get }

  /// The error that says so.
  init(_ explanation: Explanation)
}

extension ExplainedError {
  /// What is wrong, as a text for people.
  public init(_ problem: String, isWrongUsage: Bool = false) {
    self.init(Explanation(Wording(problem), isWrongUsage: isWrongUsage))
  }

  /// What is wrong and what to try.
  public init(_ problem: Wording, advice: Wording? = nil, isWrongUsage: Bool = false) {
    self.init(Explanation(problem, advice: advice, isWrongUsage: isWrongUsage))
  }

  /// What came in place of what was expected.
  ///
  /// - Parameter problem: where: a path, the name of a setting.
  public init(
    _ problem: Wording, expected: Wording, got: String? = nil, advice: Wording? = nil, isWrongUsage: Bool = false
  ) {
    self.init(Explanation(problem, expected: expected, got: got, advice: advice, isWrongUsage: isWrongUsage))
  }

  /// One or two lines for people.
  public var description: String { explanation.text() }

  /// The same error of something, which stands before the problem: a file, a process.
  public func about(_ subject: Wording) -> Self { Self(explanation.about(subject)) }
}

extension Error {
  /// What any error says; of one that is not of this package its own words.
  public var explained: Explanation {
    (self as? any ExplainedError)?.explanation ?? Explanation(Wording("\(self)"))
  }

  /// Whether arguments, environment or configuration are to blame, and not the machine.
  public var isWrongUsage: Bool { explained.isWrongUsage }
}
