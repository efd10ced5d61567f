@_exported import Errors

/// Batches that cannot be made of a data set.
public struct LoadingError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}
