import Encoders
import Methods
import Torch
import TorchDistributed

/// What a pretraining method is made from.
public struct MethodContext {
  public let configuration: ResolvedConfiguration
  /// The processes whose losses add up to that of the global batch.
  public let group: ProcessGroup
  /// Draws the first weights, on the CPU, so that every device starts from the same ones. Whoever draws in another order starts from
  /// others.
  public let generator: Generator

  init(_ configuration: ResolvedConfiguration, over group: ProcessGroup) {
    (self.configuration, self.group) = (configuration, group)
    generator = Generator(seed: UInt64(configuration.training.seed))
  }

  /// The encoder of section `encoder`.
  public func makeEncoder() -> any ImageEncoder { configuration.makeEncoder(generator: generator) }

  /// The head of section `projection_head`, which takes the encoder's features.
  ///
  /// - Parameter normalization: where BatchNorm goes if the section has it at all.
  public func makeProjectionHead(_ normalization: ProjectionHead.Normalization) -> ProjectionHead {
    ProjectionHead(
      dimensions: projectionDimensions,
      normalization: configuration.projectionHead.batchNorm ? normalization : .none, generator: generator)
  }

  /// The sizes of section `projection_head`, from the encoder's features to the output.
  var projectionDimensions: [Int] {
    let head = configuration.projectionHead
    let hidden = Array(repeating: head.hiddenDimension, count: head.layers - 1)
    return [configuration.encoderSettings.featureCount] + hidden + [head.outputDimension]
  }

  /// Both, drawn one after the other.
  ///
  /// - Parameter normalization: as ``makeProjectionHead(_:)`` takes it.
  public func makeNetwork(_ normalization: ProjectionHead.Normalization) -> EmbeddingNetwork {
    EmbeddingNetwork(encoder: makeEncoder(), projectionHead: makeProjectionHead(normalization))
  }

  /// A head from embeddings over one hidden layer to embeddings of the same size, with BatchNorm if section `projection_head` has it.
  ///
  /// - Parameter hiddenDimension: 0 stands for that of the projection head.
  public func makePredictor(
    hiddenDimension: Int, _ normalization: ProjectionHead.Normalization = .hidden
  ) -> ProjectionHead {
    let head = configuration.projectionHead
    let hidden = hiddenDimension > 0 ? hiddenDimension : head.hiddenDimension
    return ProjectionHead(
      dimensions: [head.outputDimension, hidden, head.outputDimension],
      normalization: head.batchNorm ? normalization : .none, generator: generator)
  }
}
