@_exported import Errors

/// Something is wrong with a run's folder or its training.
public struct RunError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}
