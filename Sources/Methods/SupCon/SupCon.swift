import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Supervised contrastive learning (Khosla et al. 2020, arXiv 2004.11362): views of all images of a class are to be embedded alike,
/// and apart from those of other classes. Unlike its neighbors it learns from labels.
public final class SupCon: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  private let loss: SupConLoss

  /// - Parameters:
  ///   - projectionHead: takes the encoder's features.
  ///   - loss: over the processes whose views are contrasted with each other.
  public init(encoder: any ImageEncoder, projectionHead: ProjectionHead, loss: SupConLoss) {
    (self.encoder, self.projectionHead, self.loss) = (encoder, projectionHead, loss)
  }

  public var usesLabels: Bool { true }

  /// Projections `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    guard let labels = views[0].labels else { preconditionFailure("SupCon: expected the labels of the images") }
    return loss(views.map { $0.embeddings[0] }, labels: labels, globalCount: globalCount)
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(
      gathered: views * globalBatchSize * projectionHead.outputDimension, collected: globalBatchSize)
  }
}
