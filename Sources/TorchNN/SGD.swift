import Torch

/// Stochastic gradient descent with momentum, as `torch.optim.SGD` without dampening:
/// g ← g + decay · p, v ← momentum · v + g, p ← p − rate · v, or with Nesterov p ← p − rate · (g + momentum · v).
public final class SGD: Optimizer {
  public let momentum: Double
  public let weightDecay: Double
  public let nesterov: Bool

  public init(_ parameters: [OptimizedParameter], momentum: Double = 0, weightDecay: Double = 0, nesterov: Bool = false)
  {
    precondition(!nesterov || momentum > 0, "SGD: Nesterov's step needs a momentum above 0")
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.nesterov = nesterov
    super.init(parameters, slots: momentum > 0 ? ["momentum_buffer"] : [])
  }

  public override func update(_ targets: Targets, learningRate: Double) {
    Foreach.stepSGD(
      targets.values, gradients: targets.gradients, velocities: momentum > 0 ? targets.slot("momentum_buffer") : nil,
      learningRate: learningRate, momentum: momentum, weightDecay: targets.areDecayedAndAdapted ? weightDecay : 0,
      nesterov: nesterov)
  }
}
