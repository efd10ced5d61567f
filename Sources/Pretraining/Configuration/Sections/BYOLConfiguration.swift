import Keys

/// Section `byol`, which ``section`` documents key by key.
public struct BYOLConfiguration: Equatable, Sendable {
  public var momentum = 0.996
  public var predictorHiddenDimension = 0

  /// The defaults.
  public init() {}
}

extension BYOLConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("byol", "What BYOL has besides the projection head.") {
    Key(
      "momentum", \.momentum, .from(0, to: 1), typedAs: ["ema", "ema_momentum", "base_momentum"],
      "How much of the target network a step keeps at first; rises to 1 along a cosine.")
    Key(
      "predictor_hidden_dimension", \.predictorHiddenDimension, .atLeast(0, [0: "the projection head's"]),
      typedAs: ["predictor_hidden", "predictor_hidden_dim"], "The size between the predictor's layers.")
  }
}
