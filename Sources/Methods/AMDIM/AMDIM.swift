import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Augmented multiscale Deep InfoMax (Bachman et al. 2019, arXiv 1906.00910), on the maps of a residual network: from one view's
/// features, the other view's features at all positions of two depths are to be told from those of all other images.
///
/// Where the paper has maps of 1 × 1, 5 × 5 and 7 × 7 positions, these are the pooled features and what the last two stages make,
/// averaged down to 8 × 8 positions at most. Of the last stage one position is a source; the paper draws one for each image,
/// here it is the same for all of a step, each in its turn.
public final class AMDIM: Module, PretrainingMethod {
  public let encoder: any ImageEncoder
  /// Of pooled features.
  public let globalHead: ProjectionHead
  /// Of the last stage's map, position by position.
  public let deepHead: ProjectionHead
  /// Of the map of the stage before it, position by position.
  public let shallowHead: ProjectionHead
  /// c: scores lie within ±c.
  public let clip: Double
  /// What the mean of squared scores adds to the loss.
  public let penalty: Double
  private let featureMaps: (Tensor) -> [Tensor]
  private let group: ProcessGroup
  private var step = 0
  /// Numbers of an image that each process gathered for the last loss; how many positions there are depends on the images.
  private var gatheredPerImage = 0

  /// - Parameters:
  ///   - heads: take the channels of what they are of; as many outputs each.
  ///   - group: the processes whose images are contrasted with each other, as many in each.
  public init(
    encoder: any FeatureMapEncoder, heads: (global: ProjectionHead, deep: ProjectionHead, shallow: ProjectionHead),
    clip: Double, penalty: Double, over group: ProcessGroup = .single()
  ) {
    (self.encoder, featureMaps) = (encoder, encoder.featureMaps)
    (globalHead, deepHead, shallowHead) = heads
    (self.clip, self.penalty, self.group) = (clip, penalty, group)
  }

  public func beginStep(at position: StepPosition) { step = position.step }

  /// Projections of pooled features `[N, D]`, of the last stage's positions `[N, P, D]` and of those of the stage before.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] {
    let found = featureMaps(images).suffix(2).map { $0 }
    let pooled = Functional.adaptiveAvgPool2d(found[1], height: 1, width: 1).flattened(from: 1)
    return [globalHead(pooled), Self.projections(of: found[1], deepHead), Self.projections(of: found[0], shallowHead)]
  }

  /// Projections `[N, P, D]` of the P positions of a map `[N, C, H, W]`.
  private static func projections(of map: Tensor, _ head: ProjectionHead) -> Tensor {
    var map = map
    while map.shape[2] > 8 || map.shape[3] > 8 {
      map = Functional.adaptiveAvgPool2d(map, height: (map.shape[2] + 1) / 2, width: (map.shape[3] + 1) / 2)
    }
    let (images, channels, positions) = (map.shape[0], map.shape[1], map.shape[2] * map.shape[3])
    let rows = map.permuted([0, 2, 3, 1]).reshaped([images * positions, channels])
    return head(rows).reshaped([images, positions, head.outputDimension])
  }

  /// The paper's Eq. 5 and 6 for three pairs of depths, summed (section 3.5): from pooled features to both maps, and from a position
  /// of the last map to all of it; each the mean over both directions between two views.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    let first = views[0].embeddings[0]
    let precision: DType = first.dtype == .float64 ? .float64 : .float32
    return withAutocast(first.device, .float32) {
      let found = views.map { $0.embeddings.map { $0.to(precision) } }
      let positions = (deep: found[0][1].shape[1], shallow: found[0][2].shape[1])
      // [B, V, P, D], in one message.
      let all = group.gather(
        Tensor.stack(found.map { Tensor.concatenate([$0[1], $0[2]], dimension: 1) }, dimension: 1))
      gatheredPerImage = all.count / all.shape[0]
      let loss = InfoNCE(scale: 1 / Double(first.shape[1]).squareRoot(), clip: clip, penalty: penalty)
      let place = group.rank * first.shape[0]
      let losses = [(0, 1), (1, 0)].flatMap { from, to in
        let targets = all.select(1, to)
        let deep = targets.narrow(1, 0..<positions.deep)
        let shallow = targets.narrow(1, positions.deep..<positions.deep + positions.shallow)
        let source = found[from][1].select(1, step % positions.deep)
        return [
          loss(found[from][0], deep, first: place), loss(found[from][0], shallow, first: place),
          loss(source, deep, first: place),
        ]
      }
      return Tensor.stack(losses).sum() / 2
    }
  }

  /// As the last loss exchanged it; nothing before the first one.
  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(gathered: globalBatchSize * gatheredPerImage)
  }
}
