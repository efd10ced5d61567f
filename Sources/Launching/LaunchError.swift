/// What is wrong with how processes are started or with what their launcher says: one or two plain lines for the user.
public struct LaunchError: PossibleMisuse, CustomStringConvertible, Sendable, Equatable {
  /// The text for the user.
  public let description: String
  public let isWrongUsage: Bool

  /// Wraps a text for the user.
  public init(_ description: String, isWrongUsage: Bool = false) {
    self.description = description
    self.isWrongUsage = isWrongUsage
  }

  static func usage(_ description: String) -> LaunchError { LaunchError(description, isWrongUsage: true) }
}
