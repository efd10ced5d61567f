import Torch

/// Layer-wise adaptive rate scaling (You et al. 2017) as in SimCLR's own code: with trust = coefficient · |p| / |g + decay · p|
/// (1 where either norm is 0), v ← momentum · v + rate · trust · (g + decay · p), p ← p − v.
///
/// Parameters that are not adapted are not decayed either: trust 1, decay 0.
public final class LARS: Optimizer {
  public let momentum: Double
  public let weightDecay: Double
  public let trustCoefficient: Double

  public init(
    _ parameters: [OptimizedParameter], momentum: Double = 0.9, weightDecay: Double = 1e-6,
    trustCoefficient: Double = 0.001
  ) {
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.trustCoefficient = trustCoefficient
    super.init(parameters, slots: ["momentum_buffer"])
  }

  override func update(_ target: OptimizedParameter, gradient: Tensor, index: Int, learningRate: Double) {
    let value = target.parameter.value
    let velocity = slot("momentum_buffer", index)
    velocity.mul_(momentum)
    if target.isDecayedAndAdapted {
      let direction = gradient + value * weightDecay
      velocity.add_(direction * trust(value.norm(), direction.norm()), alpha: learningRate)
    } else {
      velocity.add_(gradient, alpha: learningRate)
    }
    value.sub_(velocity)
  }

  /// The ratio stays a tensor, so that a CUDA device is not waited for.
  private func trust(_ valueNorm: Tensor, _ directionNorm: Tensor) -> Tensor {
    let bothPositive = (valueNorm * directionNorm).greater(than: 0)
    return (valueNorm * trustCoefficient / directionNorm).where(
      bothPositive, otherwise: Tensor.ones([], device: valueNorm.device))
  }
}
