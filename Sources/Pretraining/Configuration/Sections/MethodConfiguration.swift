import Keys

/// Section `method`, which ``section`` documents key by key.
public struct MethodConfiguration: Equatable, Sendable {
  public var name = MethodName.simclr
  public var weights = ""

  /// The defaults.
  public init() {}
}

extension MethodConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("method", "How it is learned.") {
    Key(
      "name", \.name, typedAs: ["method", "type", "algorithm", "algo"],
      "Which method; `custom` stands for one that a program brings along which uses this package.")
    Key(
      "weights", \.weights, .any("a file"), scope: .process,
      """
      The file with the weights of another run's checkpoint whose weights training begins with, the encoder's and all others;
      the method and all sizes must be the same. Empty: weights that are drawn.
      """)
  }
}
