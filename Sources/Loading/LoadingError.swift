/// Batches that cannot be made of a data set: one or two plain lines that say what was expected, what came and, where it helps, what to try.
public struct LoadingError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String

  /// Wraps a text for the user.
  public init(_ description: String) {
    self.description = description
  }
}
