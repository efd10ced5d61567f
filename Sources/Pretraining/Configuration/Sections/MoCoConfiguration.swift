import Keys

/// Section `moco`, which ``section`` documents key by key.
public struct MoCoConfiguration: Equatable, Sendable {
  public var version = 2
  public var queueLength = 65_536
  public var momentum = 0.999
  public var temperature = 0.2
  public var predictorHiddenDimension = 0

  /// The defaults.
  public init() {}
}

extension MoCoConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("moco", "What MoCo has besides the projection head.") {
    Key(
      "version", \.version, .from(2, to: 3), typedAs: ["moco_version"],
      "Which version: 2 has a queue of keys; 3 has both views predict each other's keys among those of the global batch."
    )
    Key(
      "queue_length", \.queueLength, .atLeast(1), typedAs: ["queue", "moco_k", "memory_bank_size", "queue_size"],
      "Keys of earlier images that every query is contrasted with (version 2): a multiple of the global batch.")
    Key(
      "momentum", \.momentum, .from(0, to: 1), typedAs: ["moco_m"],
      "How much of the network that makes the keys a step keeps; in version 3 at first, and rises to 1 along a cosine.")
    Key("temperature", \.temperature, .above(0), typedAs: ["moco_t"], "The temperature τ that divides similarities.")
    Key(
      "predictor_hidden_dimension", \.predictorHiddenDimension, .atLeast(0, [0: "the projection head's"]),
      typedAs: ["mlp_dim"], "The size between the predictor's two layers (version 3).")
  }
}
