import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Nearest-neighbor contrastive learning of representations (Dwibedi et al. 2021, arXiv 2104.14548): of each view of an image the
/// nearest of a queue of earlier embeddings takes its place, and is to tell the prediction of the other view from those of
/// all other images of the global batch.
///
/// The first queue is drawn at random.
public final class NNCLR: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// g: embeddings to predictions of the other view's neighbor.
  public let predictor: ProjectionHead
  /// The support set: embeddings of length 1, `[K, D]`, the oldest first.
  public let queue: Buffer
  /// What similarities are divided by, τ.
  public let temperature: Double
  private let group: ProcessGroup
  /// This process's embeddings of first views of the step that is being made, `[N, D]`.
  private var newEmbeddings: Tensor?

  /// - Parameters:
  ///   - predictor: from embeddings to embeddings.
  ///   - queueLength: embeddings that are kept, K: a multiple of the global batch, so that whole batches leave.
  ///   - generator: draws the first queue.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    network: EmbeddingNetwork, predictor: ProjectionHead, queueLength: Int, temperature: Double, generator: Generator,
    over group: ProcessGroup = .single()
  ) {
    (encoder, projectionHead, self.predictor) = (network.encoder, network.projectionHead, predictor)
    queue = .queue(length: queueLength, dimension: network.projectionHead.outputDimension, generator: generator)
    (self.temperature, self.group) = (temperature, group)
  }

  /// Predictions and embeddings, `[N, D]` each.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] {
    let embeddings = projectionHead(encoder(images))
    return [predictor(embeddings), embeddings]
  }

  /// The paper's algorithm 1: −log softmax at the own prediction among those of all images, the mean over images, and over each
  /// global view's neighbors with each other view's predictions. Neighbors have no gradient.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { predictions in
      let predictions = predictions.map { group.gather(Functional.normalize($0)) }
      let embeddings = views.prefix(globalCount).map {
        Functional.normalize($0.embeddings[1].detached().to(predictions[0].dtype))
      }
      newEmbeddings = embeddings[0]
      let neighbors = embeddings.map(nearest)
      let own = ownRows(of: embeddings[0].shape[0], in: group, device: embeddings[0].device)
      let losses = predictionPairs(of: views.count, globalCount: globalCount).map {
        let logits = neighbors[$0.predicted].matmul(predictions[$0.predicting].transposed()) / temperature
        return Functional.crossEntropy(logits, target: own)
      }
      return Tensor.stack(losses).mean() / Double(group.size)
    }
  }

  /// The row of the queue that is most similar to each embedding, `[N, D]`.
  private func nearest(to embeddings: Tensor) -> Tensor {
    queue.value.indexSelect(0, embeddings.matmul(queue.value.transposed()).argmax(1))
  }

  public func finishStep(at position: StepPosition) {
    if let newEmbeddings { queue.enqueue(newEmbeddings, over: group) }
    newEmbeddings = nil
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    let rows = globalBatchSize * projectionHead.outputDimension
    return ContrastExchange(gathered: views * rows, collected: rows)
  }
}
