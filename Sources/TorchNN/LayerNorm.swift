import Torch

/// Normalizes the last dimension of `[…, D]`, each vector for itself (Ba et al. 2016, arXiv 1607.06450).
public final class LayerNorm: Module {
  /// The scale, `[D]`, at first 1.
  public let weight: Parameter
  /// The shift, `[D]`, at first 0.
  public let bias: Parameter
  /// What is added to variances.
  public let epsilon: Double

  public init(_ size: Int, epsilon: Double = 1e-6) {
    weight = Parameter(Tensor.ones([size]), role: .normalization)
    bias = Parameter(Tensor.zeros([size]), role: .normalization)
    self.epsilon = epsilon
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.layerNorm(input, weight: weight.value, bias: bias.value, epsilon: epsilon)
  }
}

/// Normalizes the channels of `[N, C, H, W]`, each place for itself.
public final class LayerNorm2d: Module {
  /// The scale, `[C]`, at first 1.
  public let weight: Parameter
  /// The shift, `[C]`, at first 0.
  public let bias: Parameter
  /// What is added to variances.
  public let epsilon: Double

  public init(_ channels: Int, epsilon: Double = 1e-6) {
    weight = Parameter(Tensor.ones([channels]), role: .normalization)
    bias = Parameter(Tensor.zeros([channels]), role: .normalization)
    self.epsilon = epsilon
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.layerNorm(
      input.permuted([0, 2, 3, 1]), weight: weight.value, bias: bias.value, epsilon: epsilon
    ).permuted([0, 3, 1, 2])
  }
}
