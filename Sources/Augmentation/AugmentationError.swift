@_exported import Errors

/// Settings that no view can be made with.
public struct AugmentationError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}
