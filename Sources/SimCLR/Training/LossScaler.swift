import Torch
import TorchNN

/// Dynamic loss scaling for float16, whose small gradients would vanish (Micikevicius et al. 2018), with the constants
/// of `torch.amp.GradScaler`. For other types the scale stays 1.
struct LossScaler {
  private(set) var scale: Double
  private(set) var goodSteps = 0
  private let isActive: Bool

  private static let growthInterval = 2000

  init(dtype: DType) {
    isActive = dtype == .float16
    scale = isActive ? 65536 : 1
  }

  mutating func restore(scale: Double, goodSteps: Int) {
    guard isActive else { return }
    (self.scale, self.goodSteps) = (scale, goodSteps)
  }

  func scaled(_ loss: Tensor) -> Tensor { isActive ? loss * scale : loss }

  /// Divides the scale out of the gradients.
  ///
  /// - Returns: whether they are finite, so that a step can be made; if not, the scale was halved.
  mutating func unscale(_ parameters: [Parameter]) -> Bool {
    guard isActive else { return true }
    let gradients = parameters.compactMap(\.gradient)
    for gradient in gradients { gradient.mul_(1 / scale) }
    guard Tensor.stack(gradients.map { $0.norm() }).isFinite().all() else {
      (scale, goodSteps) = (scale / 2, 0)
      return false
    }
    goodSteps += 1
    if goodSteps == Self.growthInterval { (scale, goodSteps) = (scale * 2, 0) }
    return true
  }
}
