import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Bootstrap your own latent (Grill et al. 2020, arXiv 2006.07733): from one view of an image an online network predicts
/// how a target network projects the other. The target is a moving average of the online network; there are no negatives.
public final class BYOL: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// q: projections to predictions of the target's projections.
  public let predictor: ProjectionHead
  /// Follows ``encoder``; frozen.
  public let targetEncoder: any ImageEncoder
  /// Follows ``projectionHead``; frozen.
  public let targetProjectionHead: ProjectionHead
  /// How much of the target a step keeps at first, τ in 0…1; 1 is approached at the end.
  public let baseMomentum: Double
  private let group: ProcessGroup
  private let average: MovingAverage

  /// - Parameters:
  ///   - target: of the same architecture as `online`, whose weights it takes over.
  ///   - predictor: from projections to projections.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    online: EmbeddingNetwork, target: EmbeddingNetwork, predictor: ProjectionHead, baseMomentum: Double,
    over group: ProcessGroup = .single()
  ) {
    precondition(0...1 ~= baseMomentum, "BYOL: expected a momentum in 0…1, got \(baseMomentum)")
    (encoder, projectionHead, self.predictor) = (online.encoder, online.projectionHead, predictor)
    (targetEncoder, targetProjectionHead) = (target.encoder, target.projectionHead)
    (self.baseMomentum, self.group) = (baseMomentum, group)
    average = MovingAverage(target.modules, following: online.modules)
  }

  public func hasTargets(view: Int) -> Bool { true }

  /// Predictions `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [predictor(projectionHead(encoder(images)))] }

  /// The target's projections `[N, D]`.
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [targetProjectionHead(targetEncoder(images))] }

  /// The paper's Eq. 2 in both directions: the mean over images of ‖q̄₁ − z̄₂‖² + ‖q̄₂ − z̄₁‖², with rows of length 1.
  ///
  /// With local views every view predicts each other global view, and the mean over these pairs is taken twice, so that the scale
  /// does not depend on their number.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { embeddings in
      let predictions = embeddings.map { Functional.normalize($0) }
      let targets = views.prefix(globalCount).map { Functional.normalize($0.targets[0].to(embeddings[0].dtype)) }
      let cosines = predictionPairs(of: views.count, globalCount: globalCount).map {
        (predictions[$0.predicting] * targets[$0.predicted]).sum()
      }
      let images = Double(group.size * predictions[0].shape[0])
      let mean = Tensor.stack(cosines).sum() / (images * Double(cosines.count))
      // Every process has its part of the constant, too.
      return mean * -4 + 4 / Double(group.size)
    }
  }

  public func encoderWasReplaced() { average.restart() }

  public func finishStep(at position: StepPosition) { average.update(momentum: momentum(at: position)) }

  /// τ = 1 − (1 − τ_base) · (cos(π k / K) + 1) / 2 in step k of K (section 3.2).
  public func momentum(at position: StepPosition) -> Double {
    CosineMomentum(from: baseMomentum).value(at: position)
  }
}
