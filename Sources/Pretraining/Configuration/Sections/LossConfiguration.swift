import Keys

/// Section `loss`, which ``section`` documents key by key.
public struct LossConfiguration: Equatable, Sendable {
  public var temperature = 0.5

  /// The defaults.
  public init() {}
}

extension LossConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("loss", "NT-Xent, SimCLR's loss.") {
    Key(
      "temperature", \.temperature, .above(0), typedAs: ["tau", "τ", "temp", "t"],
      "The temperature τ that divides similarities.")
  }
}
