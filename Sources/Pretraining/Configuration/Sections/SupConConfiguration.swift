import Keys

/// Section `supcon`, which ``section`` documents key by key.
public struct SupConConfiguration: Equatable, Sendable {
  public var temperature = 0.1

  /// The defaults.
  public init() {}
}

extension SupConConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("supcon", "The supervised contrastive loss.") {
    Key(
      "temperature", \.temperature, .above(0),
      "The temperature τ that divides similarities.")
  }
}
