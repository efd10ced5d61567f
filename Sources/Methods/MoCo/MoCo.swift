import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Momentum contrast, version 2 (He et al. 2020, arXiv 1911.05722; Chen et al. 2020, arXiv 2003.04297): the first view of an
/// image is a query, the second a key that a moving average of the network makes; a query is to tell its key from a queue of
/// the keys of earlier images.
///
/// The first queue is drawn at random. BatchNorm of the keys sees the images of all processes, which takes the place of the
/// authors' shuffling.
public final class MoCo: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// Follows ``encoder``; frozen.
  public let keyEncoder: any ImageEncoder
  /// Follows ``projectionHead``; frozen.
  public let keyProjectionHead: ProjectionHead
  /// Keys of length 1, `[K, D]`, the oldest first.
  public let queue: Buffer
  /// What queries are divided by, τ.
  public let temperature: Double
  /// How much of the moving average a step keeps, 0…1.
  public let momentum: Double
  private let group: ProcessGroup
  private let average: MovingAverage
  /// This process's keys of the step that is being made, `[N, D]`.
  private var newKeys: Tensor?

  /// - Parameters:
  ///   - network: what is trained.
  ///   - keyNetwork: of the same architecture; takes over its weights.
  ///   - queueLength: keys that are kept, K: a multiple of the global batch, so that whole batches leave.
  ///   - generator: draws the first queue.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    network: EmbeddingNetwork, keyNetwork: EmbeddingNetwork, queueLength: Int, temperature: Double, momentum: Double,
    generator: Generator, over group: ProcessGroup = .single()
  ) {
    (encoder, projectionHead) = (network.encoder, network.projectionHead)
    (keyEncoder, keyProjectionHead) = (keyNetwork.encoder, keyNetwork.projectionHead)
    queue = .queue(length: queueLength, dimension: network.projectionHead.outputDimension, generator: generator)
    (self.temperature, self.momentum, self.group) = (temperature, momentum, group)
    average = MovingAverage(keyNetwork.modules, following: network.modules)
  }

  /// Queries are made of all views but the second.
  public func embeds(view: Int) -> Bool { view != 1 }

  /// Keys are made of the second view.
  public func hasTargets(view: Int) -> Bool { view == 1 }

  /// Queries `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  /// Keys `[N, D]`.
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [keyProjectionHead(keyEncoder(images))] }

  /// Eq. 1 of arXiv 1911.05722, the mean over images: −log softmax at the own key, among it and the queue. With local views the mean
  /// over all that query.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    let precision: DType = queue.value.dtype
    return withAutocast(queue.value.device, .float32) {
      let keys = Functional.normalize(views[1].targets[0].to(precision))
      newKeys = keys
      let losses = views.filter { !$0.embeddings.isEmpty }.map { view in
        let queries = Functional.normalize(view.embeddings[0].to(precision))
        let own = (queries * keys).sum(1, keepDimensions: true)
        let logits = Tensor.concatenate([own, queries.matmul(queue.value.transposed())], dimension: 1) / temperature
        let target = Tensor.zeros([keys.shape[0]], dtype: .int64, device: keys.device)
        return Functional.crossEntropy(logits, target: target)
      }
      return Tensor.stack(losses).mean() / Double(group.size)
    }
  }

  public func encoderWasReplaced() { average.restart() }

  public func finishStep(at position: StepPosition) {
    average.update(momentum: momentum)
    if let newKeys { queue.enqueue(newKeys, over: group) }
    newKeys = nil
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(collected: globalBatchSize * projectionHead.outputDimension)
  }
}
