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

  override func update(_ target: OptimizedParameter, gradient: Tensor, index: Int, learningRate: Double) {
    let value = target.parameter.value
    var direction = gradient
    if weightDecay > 0, target.isDecayedAndAdapted { direction = direction + value * weightDecay }
    if momentum > 0 {
      let velocity = slot("momentum_buffer", index)
      velocity.mul_(momentum).add_(direction)
      direction = nesterov ? direction + velocity * momentum : velocity
    }
    value.add_(direction, alpha: -learningRate)
  }
}
