import Keys

/// Section `simsiam`, which ``section`` documents key by key.
public struct SimSiamConfiguration: Equatable, Sendable {
  public var predictorHiddenDimension = 0
  public var constantPredictorRate = true

  /// The defaults.
  public init() {}
}

extension SimSiamConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("simsiam", "What SimSiam has besides the projection head.") {
    Key(
      "predictor_hidden_dimension", \.predictorHiddenDimension, .atLeast(0, [0: "a quarter of the embedding's"]),
      typedAs: ["pred_dim"],
      "The size between the predictor's two layers; 0: a quarter of `projection_head.output_dimension`.")
    Key(
      "constant_predictor_rate", \.constantPredictorRate, typedAs: ["fix_pred_lr"],
      "Whether the predictor's learning rate stays at its peak, so that it keeps up with the embeddings.")
  }
}
