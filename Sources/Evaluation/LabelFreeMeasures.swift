import Foundation
import Methods
import Torch

/// What can be said of features without labels. None of it is an accuracy: it tells collapse from spread, and ranks trainings of
/// one kind.
public struct LabelFreeMeasures: Codable, Sendable, Equatable {
  /// In how many directions features spread (Garrido et al. 2023, arXiv 2210.02885, equation 1): from 1 to ``largestRank``.
  public let rankMe: Double
  /// The smaller of images and features.
  public let largestRank: Int
  /// In how many directions images differ by more than their views do (Thilak et al. 2023, arXiv 2312.04000, section 3.2).
  public let lidar: Double
  /// The mean squared distance of two views of an image, features brought to length 1 (Wang and Isola 2020, arXiv 2005.10242,
  /// equation 1): 0 where views do not matter, at most 4.
  public let alignment: Double
  /// The logarithm of the mean of exp(−2 · squared distance) of two images (the same, equation 2): 0 where all are alike, about −4
  /// where they lie all over the sphere.
  public let uniformity: Double

  /// Keeps views of one image from being the same to rounding.
  private static let withinFloor = 1e-4
  private static let blockRows = 1024

  /// - Parameters:
  ///   - features: `[N, D]` of images as they are measured, at least two.
  ///   - views: `[Q, M, D]` of Q views of each of M images, both at least two.
  public init(features: Tensor, views: Tensor) {
    precondition(
      features.rank == 2 && views.rank == 3 && views.shape[0] >= 2 && views.shape[1] >= 2,
      "LabelFreeMeasures: expected [N, D] and [Q, M, D], got \(features.summary) and \(views.summary)")
    rankMe = EffectiveRank.rankMe(features)
    largestRank = min(features.shape[0], features.shape[1])
    let views = views.to(.float64)
    lidar = Self.lidar(views)
    let (one, other) = (Functional.normalize(views.select(0, 0)), Functional.normalize(views.select(0, 1)))
    alignment = (one - other).pow(2).sum(1).mean().item()
    uniformity = (Self.uniformity(one) + Self.uniformity(other)) / 2
  }

  /// The exponential of the entropy of the eigenvalues of Σ_w^−½ Σ_b Σ_w^−½: of what differs between images, measured by what
  /// differs between views of one.
  private static func lidar(_ views: Tensor) -> Double {
    let (count, images, dimension) = (views.shape[0], views.shape[1], views.shape[2])
    let means = views.mean(0)
    let between = means - means.mean(0)
    let within = (views - means).reshaped([count * images, dimension])
    let (variances, directions) = (within.transposed().matmul(within) / Double(count * images)).symmetricEigenvectors()
    let whitening = directions / (variances.clamp(0...Double.infinity) + withinFloor).sqrt()
    let whitened = between.matmul(whitening)
    // Of a matrix and its transposed the smaller product has all eigenvalues above 0.
    let product = images < dimension ? whitened.matmul(whitened.transposed()) : whitened.transposed().matmul(whitened)
    return EffectiveRank.of(product.symmetricEigenvectors().values.clamp(0...Double.infinity))
  }

  private static func uniformity(_ rows: Tensor) -> Double {
    let count = rows.shape[0]
    var sum = 0.0
    for start in stride(from: 0, to: count, by: blockRows) {
      let block = rows.narrow(0, start..<min(start + blockRows, count))
      sum += (block.matmul(rows.transposed()) * 4 - 4).exp().sum().item()
    }
    return log((sum - Double(count)) / (Double(count) * Double(count - 1)))
  }
}
