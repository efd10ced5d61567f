import Keys

/// Section `projection_head`, which ``section`` documents key by key.
public struct ProjectionHeadConfiguration: Equatable, Sendable {
  public var layers = 2
  public var hiddenDimension = 0
  public var outputDimension = 128
  public var batchNorm = true

  /// The defaults.
  public init() {}
}

extension ProjectionHeadConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "projection_head", "The network g(·) between features and loss, which evaluation and export leave out."
  ) {
    Key("layers", \.layers, .from(1, to: 3), typedAs: ["num_layers", "depth"], "Linear layers.")
    Key(
      "hidden_dimension", \.hiddenDimension, .atLeast(0, [0: "the encoder's"]), typedAs: ["hidden_dim", "hidden"],
      "The size between layers; 0: the encoder's number of features.")
    Key(
      "output_dimension", \.outputDimension, .atLeast(1),
      typedAs: ["output_dim", "out_dim", "proj_dim", "projection_dim"],
      "The size of an embedding, which the loss compares.")
    Key("batch_norm", \.batchNorm, typedAs: ["bn"], "BatchNorm after every linear layer.")
  }
}
