/// Images that are not where or what they were said to be, or a folder that cannot be written: one or two plain lines that say what was expected, what came and, where it helps, what to try.
public struct DataSetError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String

  /// Wraps a text for the user.
  public init(_ description: String) {
    self.description = description
  }
}
