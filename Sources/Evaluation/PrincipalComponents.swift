import Torch

/// The directions in which features vary most: principal component analysis.
public struct PrincipalComponents: Sendable {
  /// `[D]`, float64, on the CPU.
  public let mean: Tensor
  /// `[D, K]`, float64, on the CPU: orthogonal columns of length 1, that of the greatest variance first. The element of the
  /// greatest size of each is positive, so that nothing is left to chance.
  public let directions: Tensor
  /// The share of the variance that each direction has, 0…1.
  public let varianceShares: [Double]

  /// Rows taken at a time, to hold few of them in float64.
  private static let blockRows = 4096

  /// Finds directions.
  ///
  /// - Parameters:
  ///   - values: `[N, D]`, at least two rows.
  ///   - count: how many, up to D.
  public init(of values: Tensor, count: Int) {
    let (rows, dimension) = (values.shape[0], values.shape[1])
    precondition(rows >= 2 && 1...dimension ~= count, "PrincipalComponents: \(count) of \(values.summary)")
    let blocks = stride(from: 0, to: rows, by: Self.blockRows).map { $0..<min($0 + Self.blockRows, rows) }
    let sum = Tensor.zeros([dimension], dtype: .float64)
    for block in blocks { sum.add_(values.narrow(0, block).to(.float64).sum(0)) }
    let mean = sum / Double(rows)
    let covariance = Tensor.zeros([dimension, dimension], dtype: .float64)
    for block in blocks {
      let centered = values.narrow(0, block).to(.float64) - mean
      covariance.addmm_(centered.transposed(), centered)
    }
    let (variances, vectors) = covariance.symmetricEigenvectors()
    let order = Tensor((dimension - count..<dimension).reversed().map { $0 })
    let chosen = vectors.indexSelect(1, order)
    let places = chosen.abs().argmax(0).unsqueezed(0)
    let largest = chosen.gather(0, places)
    self.mean = mean
    directions = chosen * largest / largest.abs()
    let total = max(variances.clamp(0...Double.infinity).sum().item(), .leastNormalMagnitude)
    varianceShares = variances.indexSelect(0, order).array(of: Double.self).map { max(0, $0) / total }
  }

  /// `[N, D]` to `[N, K]`, float64.
  public func callAsFunction(_ values: Tensor) -> Tensor {
    Tensor.concatenate(
      stride(from: 0, to: values.shape[0], by: Self.blockRows).map { start in
        let rows = start..<min(start + Self.blockRows, values.shape[0])
        return (values.narrow(0, rows).to(.float64) - mean).matmul(directions)
      })
  }
}
