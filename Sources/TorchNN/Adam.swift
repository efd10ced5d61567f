import Torch

/// Adam (Kingma and Ba 2015) as `torch.optim.Adam`, or with decoupled weight decay as `torch.optim.AdamW` (Loshchilov
/// and Hutter 2019).
public final class Adam: Optimizer {
  /// Where weight decay enters.
  public enum Decay: Sendable {
    /// Into the gradient, as an L2 penalty: Adam.
    case coupled
    /// Into the parameter, past the moments: AdamW.
    case decoupled
  }

  public let betas: (Double, Double)
  public let epsilon: Double
  public let weightDecay: Double
  public let decay: Decay

  public init(
    _ parameters: [OptimizedParameter], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0, decay: Decay = .coupled
  ) {
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decay = decay
    super.init(parameters, slots: ["exp_avg", "exp_avg_sq"])
  }

  public override func update(_ targets: Targets, learningRate: Double) {
    Foreach.stepAdam(
      targets.values, gradients: targets.gradients, means: targets.slot("exp_avg"),
      squares: targets.slot("exp_avg_sq"), step: stepCount, learningRate: learningRate, betas: betas,
      epsilon: epsilon, weightDecay: targets.areDecayedAndAdapted ? weightDecay : 0,
      decouplesDecay: decay == .decoupled)
  }
}
