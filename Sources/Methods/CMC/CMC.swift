import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Contrastive multiview coding (Tian et al. 2019, arXiv 1906.05849) of the color space's halves: an image's lightness is to tell its
/// image's colors from those of all other images of the global batch, and the other way round.
///
/// The authors take a few thousand negatives from a memory of features of earlier epochs; here they are all other images of the
/// batch, with gradients.
public final class CMC: Module, PretrainingMethod {
  /// Joins the features of both halves.
  public let encoder: any ImageEncoder
  public let lightnessHead: ProjectionHead
  public let colorHead: ProjectionHead
  /// τ, which cosines are divided by.
  public let temperature: Double
  private let features: (Tensor) -> (lightness: Tensor, color: Tensor)
  private let group: ProcessGroup

  /// - Parameters:
  ///   - lightnessHead: takes the features of lightness.
  ///   - colorHead: takes the features of colors; as many outputs.
  ///   - group: the processes whose images are contrasted with each other, as many in each.
  public init(
    encoder: LabEncoder, lightnessHead: ProjectionHead, colorHead: ProjectionHead, temperature: Double,
    over group: ProcessGroup = .single()
  ) {
    precondition(
      temperature > 0 && lightnessHead.outputDimension == colorHead.outputDimension,
      "CMC: expected a temperature above 0 and heads of one size")
    (self.encoder, features) = (encoder, encoder.features)
    (self.lightnessHead, self.colorHead) = (lightnessHead, colorHead)
    (self.temperature, self.group) = (temperature, group)
  }

  /// Projections of lightness and of colors, `[N, D]` each.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] {
    let halves = features(images)
    return [lightnessHead(halves.lightness), colorHead(halves.color)]
  }

  /// The paper's Eq. 5, with Eq. 3 for each direction: the mean over views and images of −log softmax at the own image, of cosines over
  /// τ, summed over both directions.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    let first = views[0].embeddings[0]
    let precision: DType = first.dtype == .float64 ? .float64 : .float32
    return withAutocast(first.device, .float32) {
      let loss = InfoNCE(scale: 1 / temperature)
      let unit = views.map { $0.embeddings.map { Functional.normalize($0.to(precision)) } }
      // [B, V, 2, D], in one message.
      let all = group.gather(Tensor.stack(unit.map { Tensor.stack($0, dimension: 1) }, dimension: 1))
      let place = group.rank * first.shape[0]
      let losses = views.indices.flatMap { view in
        [(0, 1), (1, 0)].map { source, target in
          loss(unit[view][source], all.select(1, view).narrow(1, target..<target + 1), first: place)
        }
      }
      return Tensor.stack(losses).sum() / Double(views.count)
    }
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(gathered: 2 * views * globalBatchSize * colorHead.outputDimension)
  }
}
