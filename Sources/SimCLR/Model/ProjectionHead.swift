import Torch
import TorchNN

/// The small network g(·) that maps features to the space where views are compared (SimCLR, section 2.1): linear layers
/// with ReLU between them, and BatchNorm after each if asked, which then replaces the bias.
public final class ProjectionHead: Module {
  let layers: [Module]

  /// - Parameters:
  ///   - dimensions: the sizes from the input over the hidden ones to the output; two or more.
  public init(dimensions: [Int], batchNorm: Bool, generator: Generator) {
    precondition(dimensions.count >= 2, "ProjectionHead: expected at least an input and an output, got \(dimensions)")
    let last = dimensions.count - 2
    layers = (0...last).flatMap { index -> [Module] in
      let (input, output) = (dimensions[index], dimensions[index + 1])
      return [Linear(input, output, bias: !batchNorm, generator: generator)]
        + (batchNorm ? [BatchNorm1d(output)] : []) + (index < last ? [ReLU()] : [])
    }
  }

  /// Maps features `[N, F]` to projections `[N, D]`.
  public override func callAsFunction(_ features: Tensor) -> Tensor { layers(features) }
}

/// Encoder and projection head together: what pretraining trains.
public final class SimCLRModel: Module {
  public let encoder: ResNet
  public let projectionHead: ProjectionHead

  public init(encoder: ResNet, projectionHead: ProjectionHead) {
    self.encoder = encoder
    self.projectionHead = projectionHead
  }

  /// Maps images `[N, 3, H, W]` to projections `[N, D]`.
  public override func callAsFunction(_ images: Tensor) -> Tensor { projectionHead(encoder(images)) }
}
