import Keys

/// Section `method`, which ``section`` documents key by key.
public struct MethodConfiguration: Equatable, Sendable {
  public var name = MethodName.simclr

  /// The defaults.
  public init() {}
}

extension MethodConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("method", "How it is learned.") {
    Key(
      "name", \.name, typedAs: ["method", "type", "algorithm", "algo"],
      "Which method; `custom` stands for one that a program brings along which uses this package.")
  }
}
