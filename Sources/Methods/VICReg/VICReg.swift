import Encoders
import Torch
import TorchDistributed
import TorchNN

/// VICReg (Bardes et al. 2022, arXiv 2105.04906): views of an image are embedded alike (invariance), every feature keeps a
/// spread over the images of the global batch (variance), and features do not repeat each other (covariance).
public final class VICReg: Module, PretrainingMethod {
  /// What the three terms count, λ, μ and ν of Eq. 6.
  public struct Weights: Sendable {
    public var invariance: Double
    public var variance: Double
    public var covariance: Double

    /// The paper's.
    public init(invariance: Double = 25, variance: Double = 25, covariance: Double = 1) {
      (self.invariance, self.variance, self.covariance) = (invariance, variance, covariance)
    }
  }

  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  public let weights: Weights
  private let group: ProcessGroup

  /// - Parameter group: the processes whose images make up the global batch, as many in each.
  public init(
    encoder: any ImageEncoder, projectionHead: ProjectionHead, weights: Weights = .init(),
    over group: ProcessGroup = .single()
  ) {
    (self.encoder, self.projectionHead, self.weights, self.group) = (encoder, projectionHead, weights, group)
  }

  /// Embeddings `[N, D]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [projectionHead(encoder(images))] }

  /// Eq. 6 as the authors' code scales it, the mean over pairs of a global and another view: λ times the mean squared difference,
  /// μ times the mean over both views of the features' mean hinge on their deviation, ν times the sum over both views of squared
  /// covariances by the number of features.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    inFullPrecision(views) { embeddings in
      let batch = GlobalBatch(of: embeddings[0].shape[0], over: group)
      let regularizers = embeddings.map { regularizer(of: $0, in: batch) / Double(group.size) }
      let dimension = Double(embeddings[0].shape[1])
      return meanOverPairs(of: Array(embeddings.indices), globalCount: globalCount) { first, second in
        let difference = embeddings[first] - embeddings[second]
        let invariance = (difference * difference).sum() * (weights.invariance / (batch.count * dimension))
        return invariance + regularizers[first] + regularizers[second]
      }
    }
  }

  /// What a view's embeddings cost by themselves.
  private func regularizer(of embeddings: Tensor, in batch: GlobalBatch) -> Tensor {
    let dimension = Double(embeddings.shape[1])
    let centered = batch.centered(embeddings)
    let covariance = batch.total(centered.transposed().matmul(centered)) / (batch.count - 1)
    let deviation = (covariance.diagonal() + 1e-4).sqrt()
    let variance = (-deviation + 1).relu().mean() * (weights.variance / 2)
    return variance + covariance.offDiagonal.pow(2).sum() * (weights.covariance / dimension)
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    let dimension = projectionHead.outputDimension
    return ContrastExchange(summed: (0..<views).flatMap { _ in [dimension, dimension * dimension] })
  }
}
