@_exported import Errors

/// Why an encoder cannot be evaluated.
public struct EvaluationError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}
