import Foundation
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

  override func update(_ target: OptimizedParameter, gradient: Tensor, index: Int, learningRate: Double) {
    let value = target.parameter.value
    var gradient = gradient
    if weightDecay > 0, target.isDecayedAndAdapted {
      switch decay {
      case .coupled: gradient = gradient + value * weightDecay
      case .decoupled: value.mul_(1 - learningRate * weightDecay)
      }
    }
    let mean = slot("exp_avg", index).lerp_(gradient, weight: 1 - betas.0)
    let square = slot("exp_avg_sq", index).mul_(betas.1).addcmul_(gradient, gradient, value: 1 - betas.1)
    let meanCorrection = 1 - Foundation.pow(betas.0, Double(stepCount))
    let squareCorrection = 1 - Foundation.pow(betas.1, Double(stepCount))
    let denominator = (square.sqrt() / squareCorrection.squareRoot()).add_(epsilon)
    value.addcdiv_(mean, denominator, value: -learningRate / meanCorrection)
  }
}
