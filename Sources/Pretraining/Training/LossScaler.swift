import Torch

/// Dynamic loss scaling for float16, whose small gradients would vanish (Micikevicius et al. 2018), with the constants
/// of `torch.amp.GradScaler`. For other types the scale stays 1.
package struct LossScaler {
  /// What is in the gradients of a scaled loss: a power of 2.
  private(set) var scale: Double
  private(set) var goodSteps = 0
  private let isActive: Bool

  private static let growthInterval = 2000

  package init(dtype: DType) {
    isActive = dtype == .float16
    scale = isActive ? 65536 : 1
  }

  mutating func restore(scale: Double, goodSteps: Int) {
    guard isActive else { return }
    (self.scale, self.goodSteps) = (scale, goodSteps)
  }

  func scaled(_ loss: Tensor) -> Tensor { isActive ? loss * scale : loss }

  /// Learns whether the gradients of a step were finite: if not, the scale is halved; after many that were, doubled.
  mutating func update(gradientsWereFinite: Bool) {
    guard isActive else { return }
    guard gradientsWereFinite else {
      (scale, goodSteps) = (scale / 2, 0)
      return
    }
    goodSteps += 1
    if goodSteps == Self.growthInterval { (scale, goodSteps) = (scale * 2, 0) }
  }
}
