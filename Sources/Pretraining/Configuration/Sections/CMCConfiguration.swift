import Keys

/// Section `cmc`, which ``section`` documents key by key.
public struct CMCConfiguration: Equatable, Sendable {
  public var temperature = 0.07

  /// The defaults.
  public init() {}
}

extension CMCConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "cmc",
    """
    What CMC has besides the projection heads. Section `encoder` describes each of its two networks, one for lightness and one for
    colors; features of both are joined.
    """
  ) {
    Key("temperature", \.temperature, .above(0), typedAs: ["nce_t"], "The temperature τ that divides similarities.")
  }
}
