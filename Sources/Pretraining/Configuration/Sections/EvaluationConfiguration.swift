import Keys

/// Section `evaluation`, which ``section`` documents key by key.
public struct EvaluationConfiguration: Equatable, Sendable {
  public var knnNeighbors = 20
  public var knnTemperature = 0.1
  public var linearEpochs = 10
  public var linearLearningRate = 0.1
  public var linearMomentum = 0.9
  public var linearWeightDecay = 0.0
  public var linearBatchSize = 256

  /// The defaults.
  public init() {}
}

extension EvaluationConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "evaluation", "How encoders are evaluated where nobody asks for something else."
  ) {
    Key(
      "knn_neighbors", \.knnNeighbors, .atLeast(1), scope: .session, typedAs: ["k", "neighbors", "neighbours"],
      "Neighbors that vote in kNN.")
    Key("knn_temperature", \.knnTemperature, .above(0), scope: .session, "The temperature of a vote's weight.")
    Key("linear_epochs", \.linearEpochs, .atLeast(1), scope: .session, "Epochs of the linear classifier.")
    Key(
      "linear_learning_rate", \.linearLearningRate, .above(0), scope: .session, typedAs: ["linear_lr"],
      "The linear classifier's learning rate at its first step.")
    Key(
      "linear_momentum", \.linearMomentum, .from(0, below: 1), scope: .session,
      "Momentum of the linear classifier's SGD.")
    Key(
      "linear_weight_decay", \.linearWeightDecay, .atLeast(0), scope: .session, typedAs: ["linear_wd"],
      "How the linear classifier's weights are pulled to 0.")
    Key(
      "linear_batch_size", \.linearBatchSize, .atLeast(1), scope: .session, "Features a step of the linear classifier.")
  }
}
