import Keys

/// Section `moco`, which ``section`` documents key by key.
public struct MoCoConfiguration: Equatable, Sendable {
  public var queueLength = 65_536
  public var momentum = 0.999
  public var temperature = 0.2

  /// The defaults.
  public init() {}
}

extension MoCoConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("moco", "What MoCo has besides the projection head.") {
    Key(
      "queue_length", \.queueLength, .atLeast(1), typedAs: ["queue", "moco_k", "memory_bank_size", "queue_size"],
      "Keys of earlier images that every query is contrasted with: a multiple of the global batch.")
    Key(
      "momentum", \.momentum, .from(0, to: 1), typedAs: ["moco_m"],
      "How much of the network that makes the keys a step keeps.")
    Key("temperature", \.temperature, .above(0), typedAs: ["moco_t"], "The temperature τ that divides similarities.")
  }
}
