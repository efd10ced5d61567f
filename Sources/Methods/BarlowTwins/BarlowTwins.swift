import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Barlow Twins (Zbontar et al. 2021, arXiv 2103.03230): the cross-correlation of two views' embeddings, over the images of
/// the global batch, is to be the identity.
public final class BarlowTwins: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// λ: the weight of correlations between different features.
  public let redundancyWeight: Double
  private let group: ProcessGroup

  /// - Parameter group: the processes whose images make up the global batch, as many in each.
  public init(
    encoder: any ImageEncoder, projectionHead: ProjectionHead, redundancyWeight: Double = 0.005,
    over group: ProcessGroup = .single()
  ) {
    (self.encoder, self.projectionHead) = (encoder, projectionHead)
    (self.redundancyWeight, self.group) = (redundancyWeight, group)
  }

  /// Embeddings `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  /// The paper's Eq. 1: Σᵢ (1 − Cᵢᵢ)² + λ Σ_{i≠j} Cᵢⱼ², the mean over pairs of a global and another view.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { embeddings in
      let batch = GlobalBatch(of: embeddings[0].shape[0], over: group)
      let standardized = embeddings.map(batch.standardized)
      return meanOverPairs(of: standardized, globalCount: globalCount) { first, second in
        let correlation = batch.total(first.transposed().matmul(second)) / batch.count
        let onDiagonal = (correlation.diagonal() - 1).pow(2).sum()
        return onDiagonal + correlation.offDiagonal.pow(2).sum() * redundancyWeight
      } / Double(group.size)
    }
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    let dimension = projectionHead.outputDimension
    let pairs = viewPairs(of: views).count
    return ContrastExchange(
      summed: Array(repeating: dimension, count: 2 * views) + Array(repeating: dimension * dimension, count: pairs))
  }
}
