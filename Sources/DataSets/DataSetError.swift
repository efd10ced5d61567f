@_exported import Errors

/// Images that are not where or what they were said to be, or a folder that cannot be written.
public struct DataSetError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}
