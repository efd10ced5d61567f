import Keys

/// Section `nnclr`, which ``section`` documents key by key.
public struct NNCLRConfiguration: Equatable, Sendable {
  public var queueLength = 98_304
  public var temperature = 0.1
  public var predictorHiddenDimension = 0

  /// The defaults.
  public init() {}
}

extension NNCLRConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("nnclr", "What NNCLR has besides the projection head.") {
    Key(
      "queue_length", \.queueLength, .atLeast(1), typedAs: ["support_set_size"],
      "Embeddings of earlier images among which neighbors are found: a multiple of `training.global_batch_size`.")
    Key(
      "temperature", \.temperature, .above(0),
      "The temperature τ that divides similarities.")
    Key(
      "predictor_hidden_dimension", \.predictorHiddenDimension, .atLeast(0, [0: "the projection head's"]),
      "The size between the predictor's two layers; 0: that of the projection head.")
  }
}
