import Torch

extension Tensor {
  /// A float32 tensor of `shape` with the values of ``pattern(_:count:scale:offset:)``.
  public static func pattern(_ name: String, _ shape: [Int], scale: Float = 1, offset: Float = 0) -> Tensor {
    Tensor(TestSupport.pattern(name, shape: shape, scale: scale, offset: offset), shape: shape)
  }

  /// The largest |self − other| over all elements; infinite when shapes differ or anything is NaN.
  public func largestDifference(from other: Tensor) -> Double {
    guard shape == other.shape else { return .infinity }
    let elements = zip(detached().array(of: Double.self), other.detached().array(of: Double.self))
    let differences = elements.map { ($0 - $1).magnitude }
    return differences.contains { $0.isNaN } ? .infinity : differences.max() ?? 0
  }

  /// The largest absolute element.
  public var largestMagnitude: Double { detached().array(of: Double.self).map(\.magnitude).max() ?? 0 }

  /// The Euclidean norm, summed in float64.
  public var exactNorm: Double {
    detached().array(of: Double.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
