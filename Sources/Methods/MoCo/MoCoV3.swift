import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Momentum contrast, version 3 (Chen et al. 2021, arXiv 2104.02057): from each view of an image a query, which a prediction head
/// makes, is to tell the key of the other view from those of all other images of the global batch. Keys are made by a moving
/// average of the network; there is no queue.
public final class MoCoV3: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// Projections to queries.
  public let predictor: ProjectionHead
  /// Follows ``encoder``; frozen.
  public let keyEncoder: any ImageEncoder
  /// Follows ``projectionHead``; frozen.
  public let keyProjectionHead: ProjectionHead
  /// What similarities are divided by, τ.
  public let temperature: Double
  /// How much of the moving average a step keeps at first, 0…1; 1 is approached at the end.
  public let baseMomentum: Double
  private let group: ProcessGroup
  private let average: MovingAverage

  /// - Parameters:
  ///   - network: what is trained.
  ///   - keyNetwork: of the same architecture; takes over its weights.
  ///   - predictor: from projections to projections.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    network: EmbeddingNetwork, keyNetwork: EmbeddingNetwork, predictor: ProjectionHead, temperature: Double,
    baseMomentum: Double, over group: ProcessGroup = .single()
  ) {
    (encoder, projectionHead, self.predictor) = (network.encoder, network.projectionHead, predictor)
    (keyEncoder, keyProjectionHead) = (keyNetwork.encoder, keyNetwork.projectionHead)
    (self.temperature, self.baseMomentum, self.group) = (temperature, baseMomentum, group)
    average = MovingAverage(keyNetwork.modules, following: network.modules)
  }

  public func hasTargets(view: Int) -> Bool { true }

  /// Queries `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [predictor(projectionHead(encoder(images)))] }

  /// Keys `[N, D]`.
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [keyProjectionHead(keyEncoder(images))] }

  /// The paper's algorithm 1: 2τ times −log softmax at the own key among those of all images, the mean over images, for the queries
  /// of both views together.
  ///
  /// With local views each view queries each other global view's keys, and the mean over these pairs is taken twice, so that the
  /// scale does not depend on their number.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { queries in
      let queries = queries.map { Functional.normalize($0) }
      let keys = views.prefix(globalCount).map {
        group.gather(Functional.normalize($0.targets[0].to(queries[0].dtype)))
      }
      let own = ownRows(of: queries[0].shape[0], in: group, device: queries[0].device)
      let losses = predictionPairs(of: views.count, globalCount: globalCount).map {
        let logits = queries[$0.predicting].matmul(keys[$0.predicted].transposed()) / temperature
        return Functional.crossEntropy(logits, target: own)
      }
      return Tensor.stack(losses).mean() * (4 * temperature / Double(group.size))
    }
  }

  public func encoderWasReplaced() { average.restart() }

  public func finishStep(at position: StepPosition) {
    average.update(momentum: CosineMomentum(from: baseMomentum).value(at: position))
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(collected: 2 * globalBatchSize * projectionHead.outputDimension)
  }
}
