import Encoders
import Methods
import Pretraining
import Torch
import TorchDistributed
import TorchNN

/// Learns by alignment and uniformity (Wang & Isola 2020, arXiv 2005.10242): views of one image shall lie close to each
/// other on the unit sphere, and all images together shall spread over it.
final class AlignmentAndUniformity: Module, PretrainingMethod {
  let encoder: any ImageEncoder
  let projectionHead: ProjectionHead
  private let group: ProcessGroup

  /// Takes the sections `encoder` and `projection_head` of the configuration.
  init(_ context: MethodContext) {
    encoder = context.makeEncoder()
    projectionHead = context.makeProjectionHead(.hidden)
    group = context.group
  }

  /// Projections `[N, D]`.
  func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  /// Alignment, the mean over pairs of views, plus uniformity, the mean over global views.
  ///
  /// Every process computes the loss of the whole global batch from embeddings that are gathered with their gradients, so
  /// that its part of the loss is one of as many equal shares.
  func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    withAutocast(views[0].embeddings[0].device, .float32) {
      let precision: DType = views[0].embeddings[0].dtype == .float64 ? .float64 : .float32
      let points = views.map { group.gather(Functional.normalize($0.embeddings[0].to(precision))) }
      let pairs = (0..<globalCount).flatMap { first in (first + 1..<points.count).map { (first, $0) } }
      let alignment = pairs.map { squaredDistance(points[$0], points[$1]) }
      let uniformity = points.prefix(globalCount).map(logMeanPotential)
      return (Tensor.stack(alignment).mean() + Tensor.stack(uniformity).mean()) / Double(group.size)
    }
  }

  func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(gathered: views * globalBatchSize * projectionHead.outputDimension)
  }

  /// The mean over images of ‖x − y‖² (section 4.1 of the paper, with α = 2).
  private func squaredDistance(_ x: Tensor, _ y: Tensor) -> Tensor {
    let difference = x - y
    return (difference * difference).sum(1).mean()
  }

  /// The logarithm of the mean of exp(−2 ‖xᵢ − xⱼ‖²) over pairs of different images (section 4.1, with t = 2).
  private func logMeanPotential(_ x: Tensor) -> Tensor {
    let count = Double(x.shape[0])
    // ‖xᵢ − xⱼ‖² = 2 − 2 xᵢ·xⱼ of unit vectors.
    let potentials = ((x.matmul(x.transposed()) - 1) * 4).exp()
    // Those of an image with itself are 1 and on the diagonal.
    return ((potentials.sum() - count) / (count * (count - 1))).log()
  }
}
