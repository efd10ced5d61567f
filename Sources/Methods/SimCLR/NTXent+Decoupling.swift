import Torch

extension NTXentLoss {
  /// Whether the positive pair is left out of the sum that it is told from, which couples the gradients of positive and negatives
  /// and slows learning with small batches (Yeh et al. 2022, arXiv 2110.06848).
  public enum Decoupling: Sendable, Equatable {
    /// It is in the sum: NT-Xent.
    case none
    /// It is left out: DCL (Eq. 5).
    case plain
    /// It is left out, and each image's positive counts w = 2 − exp(s/σ) / E[exp(s/σ)] with s the cosine of its views and the mean
    /// over the global batch: DCLW (Eq. 6). The weights have no gradient.
    case weighted(sigma: Double)

    /// How much the positive of each anchor of a process counts, `[2N]` float64; nil where the loss is not decoupled.
    ///
    /// - Parameter pair: unit vectors of two views of all images, `[W, 2, N, D]`.
    func weights(in pair: Tensor, of rank: Int) -> Tensor? {
      let count = pair.shape[2]
      switch self {
      case .none: return nil
      case .plain: return Tensor.ones([2 * count], dtype: .float64, device: pair.device)
      case .weighted(let sigma):
        let cosines = (pair.select(1, 0) * pair.select(1, 1)).sum(2).to(.float64)
        let exponentials = (cosines / sigma).exp()
        let own = exponentials.select(0, rank) / exponentials.mean()
        return Tensor.concatenate([own, own]) * -1 + 2
      }
    }
  }
}
