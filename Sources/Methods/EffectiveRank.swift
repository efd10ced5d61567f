import Torch

/// In how many directions numbers spread: the exponential of the entropy of their shares.
public enum EffectiveRank {
  private static let floor = 1e-7

  /// Of values of at least 0, such as eigenvalues: 1 where one has everything, their number where all are equal.
  ///
  /// - Parameter values: `[K]`, float64.
  public static func of(_ values: Tensor) -> Double {
    let shares = values / values.sum().clamp(Double.leastNormalMagnitude...Double.infinity) + floor
    return (-(shares * shares.log()).sum()).exp().item()
  }

  /// Of the singular values of embeddings: RankMe (Garrido et al. 2023, arXiv 2210.02885, equation 1), from 1 to the smaller of
  /// images and dimensions.
  ///
  /// - Parameter embeddings: `[N, D]` of any floating-point type, on any device.
  public static func rankMe(_ embeddings: Tensor) -> Double {
    let rows = embeddings.detached().to(.float64, device: .cpu)
    // Of a matrix and its transposed the smaller product has all singular values, squared.
    let product =
      rows.shape[0] <= rows.shape[1] ? rows.matmul(rows.transposed()) : rows.transposed().matmul(rows)
    return of(product.symmetricEigenvalues().clamp(0...Double.infinity).sqrt())
  }
}
