@_exported import Errors

/// An image that cannot be read, decoded or written.
public struct ImageError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }

  /// The same, beginning with what the image is called.
  public func naming(_ image: String) -> ImageError { about(Wording(image)) }
}
