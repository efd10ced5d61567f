import Encoders
import Torch
import TorchDistributed
import TorchNN

/// An encoder that learns to say what another one, the teacher, says of images, without labels: its projections regress the
/// teacher's features (SimReg, Navaneet et al. 2021, arXiv 2201.05131).
///
/// The teacher is frozen and computes as in evaluation. Its weights are those it is given before the first step; they are part
/// of the state that a checkpoint holds, so that a run goes on where the teacher's file is gone.
public final class Distillation: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  /// From the encoder's features to the teacher's.
  public let projectionHead: ProjectionHead
  /// Frozen.
  public let teacher: any ImageEncoder
  private let group: ProcessGroup

  /// - Parameters:
  ///   - projectionHead: has as many outputs as the teacher has features.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    encoder: any ImageEncoder, projectionHead: ProjectionHead, teacher: any ImageEncoder,
    over group: ProcessGroup = .single()
  ) {
    precondition(
      projectionHead.outputDimension == teacher.featureCount,
      "Distillation: \(projectionHead.outputDimension) projections for \(teacher.featureCount) features of the teacher")
    (self.encoder, self.projectionHead, self.teacher, self.group) = (encoder, projectionHead, teacher, group)
    teacher.freeze()
    teacher.evaluateAlways()
  }

  public func hasTargets(view: Int) -> Bool { true }

  /// Projections `[N, F]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  /// The teacher's features `[N, F]`.
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [teacher(images)] }

  /// The mean over images and views of ‖p̄ − t̄‖², with rows of length 1. A global view has the teacher's features of that very
  /// view; a local view, which shows too little to the teacher, those of every global view.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { embeddings in
      let targets = views.prefix(globalCount).map { Functional.normalize($0.targets[0].to(embeddings[0].dtype)) }
      let cosines = embeddings.enumerated().flatMap { view, projections in
        let unit = Functional.normalize(projections)
        return (view < globalCount ? [targets[view]] : targets).map {
          (unit * $0).sum() / (view < globalCount ? 1 : Double(globalCount))
        }
      }
      let images = Double(group.size * embeddings[0].shape[0])
      // Every process has its part of the constant, too.
      return Tensor.stack(cosines).sum() * (-2 / (images * Double(views.count))) + 2 / Double(group.size)
    }
  }
}
