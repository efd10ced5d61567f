/// What came of a protocol.
public struct EvaluationOutcome: Sendable {
  /// With the hyperparameters that were used.
  public let `protocol`: EvaluationProtocol
  public let judgement: Judgement
  /// Train images that taught.
  public let trainCount: Int
  /// After every epoch, where there are epochs. Nothing is chosen by it: the last one counts.
  public let curve: [EpochFigures]?
  /// How hyperparameters were chosen; nil where they were given.
  public let choice: HyperparameterChoice?

  public init(
    _ protocol: EvaluationProtocol, _ judgement: Judgement, trainCount: Int, curve: [EpochFigures]? = nil,
    choice: HyperparameterChoice? = nil
  ) {
    self.protocol = `protocol`
    self.judgement = judgement
    self.trainCount = trainCount
    self.curve = curve
    self.choice = choice
  }
}

/// How far a classifier was after an epoch.
public struct EpochFigures: Codable, Sendable, Equatable {
  /// Epochs done, from 1.
  public let epoch: Int
  /// The mean loss of its steps, in nats.
  public let loss: Double
  /// Percent of the test images, 0…100.
  public let top1: Double

  public init(epoch: Int, loss: Double, top1: Double) { (self.epoch, self.loss, self.top1) = (epoch, loss, top1) }
}
