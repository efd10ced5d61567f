/// An error that may be the user's: arguments, environment or configuration are wrong, so that the same command would fail
/// again. The program then ends with exit code 2, and nobody starts it again.
public protocol PossibleMisuse: Error {
  /// Whether it is.
  var isWrongUsage: Bool { get }
}

extension Error {
  /// Whether arguments, environment or configuration are to blame, and not the machine.
  public var isWrongUsage: Bool { (self as? any PossibleMisuse)?.isWrongUsage ?? false }
}
