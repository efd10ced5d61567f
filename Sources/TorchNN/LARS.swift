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

  public override func update(_ targets: Targets, learningRate: Double) {
    let velocities = targets.slot("momentum_buffer")
    Foreach.mul_(velocities, momentum)
    if targets.areDecayedAndAdapted {
      let directions = Foreach.add(targets.gradients, targets.values, alpha: weightDecay)
      let trust = trust(Foreach.norms(targets.values), Foreach.norms(directions))
      Foreach.add_(velocities, directions, scaledBy: trust * learningRate)
    } else {
      Foreach.add_(velocities, targets.gradients, alpha: learningRate)
    }
    Foreach.add_(targets.values, velocities, alpha: -1)
  }

  /// The ratio of each parameter, from norms `[K]`. It stays on the device, which is not waited for.
  private func trust(_ valueNorms: Tensor, _ directionNorms: Tensor) -> Tensor {
    let bothPositive = (valueNorms * directionNorms).greater(than: 0)
    return (valueNorms * trustCoefficient / directionNorms).where(
      bothPositive, otherwise: Tensor.ones([], dtype: valueNorms.dtype, device: valueNorms.device))
  }
}
