/// An image that cannot be read, decoded or written: one or two plain lines that say what was expected, what came and,
/// where it helps, what to try.
public struct ImageError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String

  /// Wraps a text for the user.
  public init(_ description: String) {
    self.description = description
  }

  /// The same, beginning with what the image is called.
  public func naming(_ image: String) -> ImageError { ImageError("\(image): \(description)") }
}
