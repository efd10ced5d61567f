import Encoders
import Torch
import TorchDistributed
import TorchNN

/// SimCLR (Chen et al. 2020, arXiv 2002.05709): an encoder and a projection head, trained to tell the other view of an
/// image from the views of all other images.
public final class SimCLR: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  private let loss: NTXentLoss

  /// - Parameters:
  ///   - projectionHead: takes the encoder's features.
  ///   - loss: over the processes whose views are contrasted with each other.
  public init(encoder: any ImageEncoder, projectionHead: ProjectionHead, loss: NTXentLoss) {
    (self.encoder, self.projectionHead, self.loss) = (encoder, projectionHead, loss)
  }

  /// Projections `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    loss(views.map { $0.embeddings[0] }, globalCount: globalCount)
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(gathered: views * globalBatchSize * projectionHead.outputDimension)
  }
}
