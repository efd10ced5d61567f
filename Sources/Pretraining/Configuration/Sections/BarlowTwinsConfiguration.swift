import Keys

/// Section `barlow_twins`, which ``section`` documents key by key.
public struct BarlowTwinsConfiguration: Equatable, Sendable {
  public var redundancyWeight = 0.005

  /// The defaults.
  public init() {}
}

extension BarlowTwinsConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("barlow_twins", "What Barlow Twins has besides the projection head.") {
    Key(
      "redundancy_weight", \.redundancyWeight, .atLeast(0), typedAs: ["lambda", "lambda_param", "lambd"],
      "How much correlations between different features count.")
  }
}
