import Keys
import TorchNN

/// Section `optimizer`, which ``section`` documents key by key.
public struct OptimizerConfiguration: Equatable, Sendable {
  /// Which optimizer.
  public enum Name: String, CaseIterable, Sendable {
    case sgd, lars, adam, adamw
  }

  public var name = Name.lars
  public var learningRate = 0.3
  public var biasAndNormLearningRate = 0.0
  public var learningRateScaling = LearningRateScaling.linear
  public var momentum = 0.9
  public var nesterov = false
  public var weightDecay = 1e-6
  public var decayBiasAndNorm = false
  public var trustCoefficient = 0.001
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8

  /// The defaults.
  public init() {}
}

extension OptimizerConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "optimizer", "What moves the weights.", rules: [nesterovNeedsMomentum]
  ) {
    Key(
      "name", \.name, typedAs: ["optimizer", "opt", "type"], "Which optimizer: `lars` is the paper's for large batches."
    )
    Key(
      "learning_rate", \.learningRate, .above(0), typedAs: ["lr", "base_lr", "rate", "eta"],
      "The rate before scaling by the batch size.")
    Key(
      "bias_and_norm_learning_rate", \.biasAndNormLearningRate, .atLeast(0, [0: "that of weights"]),
      typedAs: ["learning_rate_biases", "bias_lr", "lr_bias"],
      "The rate of biases and BatchNorm, scaled and scheduled as that of weights is (Barlow Twins).")
    Key(
      "learning_rate_scaling", \.learningRateScaling, typedAs: ["lr_scaling", "scaling"],
      "How the rate grows with the global batch: `linear` (× batch / 256), `sqrt` (× √batch) or `none`.")
    Key("momentum", \.momentum, .from(0, below: 1), "Momentum of `sgd` and `lars`.").used(with: \.name, .sgd, .lars)
    Key("nesterov", \.nesterov, "Nesterov's momentum (`sgd` only).")
    Key("weight_decay", \.weightDecay, .atLeast(0), typedAs: ["wd", "decay", "l2"], "How weights are pulled to 0.")
    Key(
      "decay_bias_and_norm", \.decayBiasAndNorm,
      "Whether weight decay pulls biases and BatchNorm too (LARS then adapts them as well).")
    Key(
      "trust_coefficient", \.trustCoefficient, .above(0), typedAs: ["trust", "lars_eta"], "LARS's coefficient of trust."
    ).used(with: \.name, .lars)
    Key("beta1", \.beta1, .from(0, below: 1), typedAs: ["betas", "b1"], "Decay of Adam's first moment.").used(
      with: \.name, .adam, .adamw)
    Key("beta2", \.beta2, .from(0, below: 1), typedAs: ["b2"], "Decay of Adam's second moment.").used(
      with: \.name, .adam, .adamw)
    Key("epsilon", \.epsilon, .above(0), typedAs: ["eps"], "Added to Adam's denominator.").used(
      with: \.name, .adam, .adamw)
  }

  private static let nesterovNeedsMomentum = Rule<Self>(
    about: \.nesterov, and: \.name, \.momentum, text: "needs `sgd` with a momentum above 0"
  ) { optimizer in
    guard optimizer.nesterov, optimizer.name != .sgd || optimizer.momentum <= 0 else { return nil }
    return Fault(expected: "false unless optimizer.name is sgd with a momentum above 0", got: "true")
  }
}
