import Torch
import TorchNN

/// DINO's head (arXiv 2104.14294, section 3.1): linear layers with GELU between them, then, from a vector of length 1, a layer
/// whose rows have length 1 or are scaled as is learned.
public final class DINOHead: Module {
  /// The layers up to the bottleneck.
  public let mlp: ProjectionHead
  public let lastLayer: WeightNormalizedLinear

  /// - Parameters:
  ///   - dimensions: the sizes from the encoder's features over hidden ones to the bottleneck; two or more.
  ///   - outputDimension: K.
  ///   - scalesLastLayer: whether the lengths of the last layer's rows are learned.
  public init(
    dimensions: [Int], outputDimension: Int, normalization: ProjectionHead.Normalization, scalesLastLayer: Bool,
    generator: Generator
  ) {
    mlp = ProjectionHead(
      dimensions: dimensions, normalization: normalization, activation: .gelu, generator: generator)
    lastLayer = WeightNormalizedLinear(
      dimensions.last!, outputDimension, learnsScale: scalesLastLayer, generator: generator)
    super.init()
    // As the authors' code draws the layers before the last.
    withoutGradients {
      for case let layer as Linear in mlp.submodules() {
        layer.weight.value.copy_(Tensor.randn(layer.weight.value.shape, generator: generator) * 0.02)
        layer.bias?.value.fill_(0)
      }
    }
  }

  /// Maps features `[N, F]` to logits `[N, K]`, the last layer in float32, or in float64 if its weights are.
  public override func callAsFunction(_ features: Tensor) -> Tensor {
    let bottleneck = mlp(features)
    return withAutocast(bottleneck.device, .float32) {
      lastLayer(Functional.normalize(bottleneck.to(lastLayer.weightV.value.dtype)))
    }
  }
}

/// A linear layer without bias whose weight is a direction times a length for each output (Salimans and Kingma 2016, arXiv
/// 1602.07868).
public final class WeightNormalizedLinear: Module {
  /// The lengths, `[O, 1]`; nil where all are 1.
  public let weightG: Parameter?
  /// Of any length, `[O, I]`; only the directions count.
  public let weightV: Parameter

  /// - Parameter learnsScale: whether lengths are learned; they begin at 1.
  public init(_ inputFeatures: Int, _ outputFeatures: Int, learnsScale: Bool, generator: Generator) {
    weightG = learnsScale ? Parameter(Tensor.ones([outputFeatures, 1])) : nil
    weightV = Parameter(
      Initializer.uniform([outputFeatures, inputFeatures], fanIn: inputFeatures, generator: generator))
  }

  /// `[N, I]` to `[N, O]`.
  public override func callAsFunction(_ input: Tensor) -> Tensor {
    let directions = Functional.normalize(weightV.value)
    return Functional.linear(input, weight: weightG.map { directions * $0.value } ?? directions)
  }
}
