import Foundation
import Torch

/// First values of parameters, as torchvision's ResNets and PyTorch's layers have them.
public enum Initializer {
  /// How a layer's weights are drawn, and with them its biases.
  public enum Choice: Sendable {
    /// ``kaimingNormal(_:generator:)``; biases ``uniform(_:fanIn:generator:)``.
    case kaimingNormal
    /// ``uniform(_:fanIn:generator:)``, both.
    case uniform
    /// Normal with mean 0 and this standard deviation; biases 0.
    case normal(deviation: Double)
    /// ``kaimingNormal(_:generator:)``; biases 0.
    case kaimingNormalWithoutBias

    /// The weights of a layer, `[O, I, …]`.
    func weight(_ shape: [Int], generator: Generator) -> Tensor {
      switch self {
      case .kaimingNormal, .kaimingNormalWithoutBias: Initializer.kaimingNormal(shape, generator: generator)
      case .uniform: Initializer.uniform(shape, fanIn: shape.dropFirst().reduce(1, *), generator: generator)
      case .normal(let deviation): Tensor.randn(shape, generator: generator) * deviation
      }
    }

    /// The biases that belong to weights of a shape.
    func bias(_ shape: [Int], generator: Generator) -> Tensor {
      switch self {
      case .kaimingNormal, .uniform:
        Initializer.uniform([shape[0]], fanIn: shape.dropFirst().reduce(1, *), generator: generator)
      case .normal, .kaimingNormalWithoutBias: Tensor.zeros([shape[0]])
      }
    }
  }

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
