import Foundation
import Torch

/// First values of parameters, as torchvision's ResNets and PyTorch's layers have them.
public enum Initializer {
  /// Normal with standard deviation √(2 / fan out): for a convolution `[O, C, K, K]` followed by ReLU the fan out is
  /// O·K·K (He et al. 2015, Eq. 14).
  public static func kaimingNormal(_ shape: [Int], generator: Generator) -> Tensor {
    precondition(shape.count >= 2, "kaimingNormal: expected a weight of at least two dimensions, got \(shape)")
    let fanOut = shape[0] * shape.dropFirst(2).reduce(1, *)
    return Tensor.randn(shape, generator: generator) * (2 / Double(fanOut)).squareRoot()
  }

  /// Uniform within ±1 / √(fan in): PyTorch's default for linear layers, weight and bias.
  public static func uniform(_ shape: [Int], fanIn: Int, generator: Generator) -> Tensor {
    let bound = 1 / Double(fanIn).squareRoot()
    return Tensor.uniform(shape, in: -bound..<bound, generator: generator)
  }
}
