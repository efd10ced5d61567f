import Torch

/// Brings each feature to mean 0 and standard deviation 1 over the images it was made from.
public struct Standardization: Sendable {
  /// `[D]`, float32, on the CPU.
  public let mean: Tensor
  /// `[D]`, float32, on the CPU: √ of the mean squared deviation; 1 where a feature is the same in all images.
  public let standardDeviation: Tensor

  /// Rows taken at a time, to hold few of them in float64.
  private static let blockRows = 4096

  /// Measures features, in float64, so that a feature that never changes has a deviation of exactly 0.
  public init(of features: Features) {
    precondition(features.count > 0, "Standardization: there are no features to measure")
    func average(_ term: (Tensor) -> Tensor) -> Tensor {
      let sum = Tensor.zeros([features.dimension], dtype: .float64)
      for start in stride(from: 0, to: features.count, by: Self.blockRows) {
        let rows = start..<min(start + Self.blockRows, features.count)
        sum.add_(term(features.values.narrow(0, rows).to(.float64)).sum(0))
      }
      return sum / Double(features.count)
    }
    let mean = average { $0 }
    let deviation = average { ($0 - mean).pow(2) }.sqrt()
    self.mean = mean.to(.float32)
    standardDeviation = deviation.where(
      deviation.greater(than: 0), otherwise: Tensor.ones([], dtype: .float64)
    ).to(.float32)
  }

  private init(mean: Tensor, standardDeviation: Tensor) {
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// Leaves features as they are.
  public static func none(dimension: Int) -> Standardization {
    Standardization(mean: Tensor.zeros([dimension]), standardDeviation: Tensor.ones([dimension]))
  }

  /// Standardizes `[N, D]`.
  public func callAsFunction(_ values: Tensor) -> Tensor { (values - mean).div_(standardDeviation) }
}
