/// Something outside the program is wrong with an image, a data set or the settings that read it: one or two plain
/// lines that say what was expected, what came and, where it helps, what to try.
public struct VisionDataError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String

  /// Wraps a text for the user.
  public init(_ description: String) {
    self.description = description
  }
}
