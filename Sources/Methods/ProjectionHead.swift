import Torch
import TorchNN

/// The small network g(·) that maps features to the space where views are compared (SimCLR, section 2.1): linear layers
/// with ReLU, or DINO's GELU, between them. BYOL's projector and predictor are of the same kind.
public final class ProjectionHead: Module {
  /// Which linear layers BatchNorm follows, where it replaces the bias.
  public enum Normalization: Sendable {
    case none
    /// All but the last (BYOL).
    case hidden
    /// All (SimCLR's own code).
    case all
    /// All, the last without scale and shift, so that what comes out has mean 0 and variance 1 (SimSiam, MoCo v3).
    case standardizing
  }

  /// What stands between linear layers.
  public enum Activation: Sendable {
    case relu, gelu
  }

  /// The size of what comes out.
  public let outputDimension: Int
  let layers: [Module]

  /// - Parameters:
  ///   - dimensions: the sizes from the input over the hidden ones to the output; two or more.
  public init(
    dimensions: [Int], normalization: Normalization, activation: Activation = .relu, generator: Generator
  ) {
    precondition(dimensions.count >= 2, "ProjectionHead: expected at least an input and an output, got \(dimensions)")
    let last = dimensions.count - 2
    outputDimension = dimensions[last + 1]
    layers = (0...last).flatMap { index -> [Module] in
      let (input, output) = (dimensions[index], dimensions[index + 1])
      let isNormalized = normalization != .none && (normalization != .hidden || index < last)
      let isAffine = normalization != .standardizing || index < last
      return [Linear(input, output, bias: !isNormalized, generator: generator)]
        + (isNormalized ? [BatchNorm1d(output, affine: isAffine)] : [])
        + (index < last ? [activation == .gelu ? GELU() : ReLU()] : [])
    }
  }

  /// Maps features `[N, F]` to projections `[N, D]`.
  public override func callAsFunction(_ features: Tensor) -> Tensor { layers(features) }
}
