import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Simple siamese networks (Chen and He 2020, arXiv 2011.10566): from one view of an image a predictor tells how the other is
/// embedded. There are neither negatives nor a moving average; what is predicted has no gradient, and without that all
/// embeddings would become the same.
public final class SimSiam: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// h: embeddings to predictions of the other view's.
  public let predictor: ProjectionHead
  /// Whether the predictor's learning rate stays at the schedule's peak (section 4.2).
  public let hasConstantPredictorRate: Bool
  private let group: ProcessGroup

  /// - Parameters:
  ///   - predictor: from embeddings to embeddings.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    network: EmbeddingNetwork, predictor: ProjectionHead, hasConstantPredictorRate: Bool = true,
    over group: ProcessGroup = .single()
  ) {
    (encoder, projectionHead, self.predictor) = (network.encoder, network.projectionHead, predictor)
    (self.hasConstantPredictorRate, self.group) = (hasConstantPredictorRate, group)
  }

  /// Predictions and embeddings, `[N, D]` each.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] {
    let embeddings = projectionHead(encoder(images))
    return [predictor(embeddings), embeddings]
  }

  /// The paper's Eq. 2: the mean over images, and over each view with each other global view, of the negative cosine of the one's
  /// prediction and the other's embedding. Embeddings have no gradient here.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { predictions in
      let predictions = predictions.map { Functional.normalize($0) }
      let embeddings = views.prefix(globalCount).map {
        Functional.normalize($0.embeddings[1].detached().to(predictions[0].dtype))
      }
      let cosines = predictionPairs(of: views.count, globalCount: globalCount).map {
        (predictions[$0.predicting] * embeddings[$0.predicted]).sum()
      }
      let images = Double(group.size * predictions[0].shape[0])
      return Tensor.stack(cosines).sum() * (-1 / (images * Double(cosines.count)))
    }
  }

  public func learningRateRule(ofParameter name: String) -> LearningRateRule {
    LearningRateRule(isConstant: hasConstantPredictorRate && name.hasPrefix("predictor."))
  }
}
