import Keys

/// Section `vicreg`, which ``section`` documents key by key.
public struct VICRegConfiguration: Equatable, Sendable {
  public var invarianceWeight = 25.0
  public var varianceWeight = 25.0
  public var covarianceWeight = 1.0

  /// The defaults.
  public init() {}
}

extension VICRegConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("vicreg", "What the three terms of VICReg's loss count.") {
    Key(
      "invariance_weight", \.invarianceWeight, .atLeast(0), typedAs: ["lambda_param", "sim_coeff"],
      "That the views of an image are embedded alike.")
    Key(
      "variance_weight", \.varianceWeight, .atLeast(0), typedAs: ["mu_param", "std_coeff"],
      "That every feature keeps a deviation of at least 1 over the images of the global batch.")
    Key(
      "covariance_weight", \.covarianceWeight, .atLeast(0), typedAs: ["nu_param", "cov_coeff"],
      "That features do not repeat each other.")
  }
}
