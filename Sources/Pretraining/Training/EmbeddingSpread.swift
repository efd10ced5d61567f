import Methods
import Torch
import TorchDistributed

/// How far the embeddings of a batch spread. A method that collapses gives all images the same embedding, or uses few directions
/// of those that there are; its loss may look well all the same.
public struct EmbeddingSpread: Equatable, Sendable {
  /// In how many directions they spread (`EffectiveRank.rankMe`).
  public let rankMe: Double
  /// The mean over dimensions of the deviation of embeddings of length 1, times the square root of the dimensions: 0 where
  /// all are the same, about 1 where they lie all over the sphere (SimSiam, arXiv 2011.10566, section 4.1).
  public let deviation: Double
  /// The most that ``rankMe`` could be.
  public let largestRank: Int

  /// - Parameter embeddings: `[N, …]` of any floating-point type, on any device.
  public init(of embeddings: Tensor) {
    let rows = embeddings.detached().to(.float64, device: .cpu).flattened(from: 1)
    let (count, dimension) = (rows.shape[0], rows.shape[1])
    largestRank = min(count, dimension)
    rankMe = EffectiveRank.rankMe(rows)
    let deviations = Functional.normalize(rows).variance(0, correction: 0).sqrt()
    deviation = deviations.mean().item() * Double(dimension).squareRoot()
  }

  /// Whether nearly nothing tells the embeddings of two images apart.
  public var isCollapsed: Bool { deviation < 0.05 || (largestRank >= 8 && rankMe < 1.5) }
}

extension EmbeddingSpread {
  /// Images that are looked at, about.
  private static let imageCount = 512

  /// The first embedding of the first view that has one, of some images of the global batch: always the same places of it, where
  /// processes share it evenly.
  ///
  /// - Returns: nil in all processes but the first.
  /// - Throws: `DistributedError` when another process was lost.
  static func measured(on views: [ViewEmbeddings], in world: World) throws -> EmbeddingSpread? {
    guard let own = views.lazy.compactMap(\.embeddings.first).first else { return nil }
    let stride = max(1, own.shape[0] * world.size / imageCount)
    let places = Tensor(Swift.stride(from: 0, to: own.shape[0], by: stride).map(Int64.init)).to(device: own.device)
    let rows = try world.group.allGather(own.detached().indexSelect(0, places).contiguous())
    return world.isFirst ? EmbeddingSpread(of: rows) : nil
  }
}
