/// Where a share that was counted on a sample of images lies for all images of their kind, in percent.
///
/// It speaks of the choice of test images and of nothing else: another seed of training may move the figure further.
public struct ConfidenceInterval: Codable, Sendable, Equatable {
  /// Percent, 0…100.
  public let low: Double
  /// Percent, 0…100.
  public let high: Double
  /// How often such an interval holds the true share: 0.95.
  public let level: Double
  /// How it was found: `wilson`.
  public let method: String

  /// The score interval of Wilson (*Probable Inference, the Law of Succession, and Statistical Inference*, 1927) at the level
  /// 0.95, which unlike the normal approximation is right near 0 and 100 % too.
  ///
  /// - Parameters:
  ///   - share: of the images, 0…1; a mean over several measurements of the same images may lie between their multiples.
  ///   - count: images, at least 1.
  public init(wilson share: Double, of count: Int) {
    precondition(count >= 1 && 0...1 ~= share, "ConfidenceInterval: a share of \(share) of \(count) images")
    let quantile = 1.959963984540054
    let images = Double(count)
    let square = quantile * quantile / images
    let center = share + square / 2
    let half = quantile * (share * (1 - share) / images + square / (4 * images)).squareRoot()
    // Rounding must not push a bound past what can be.
    low = share == 0 ? 0 : max(0, 100 * (center - half) / (1 + square))
    high = share == 1 ? 100 : min(100, 100 * (center + half) / (1 + square))
    level = 0.95
    method = "wilson"
  }
}
