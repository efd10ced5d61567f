import Augmentation
import Keys

/// Section `amdim`, which ``section`` documents key by key.
public struct AMDIMConfiguration: Equatable, Sendable {
  public var clip = 10.0
  public var penalty = 0.04

  /// The defaults.
  public init() {}
}

extension AMDIMConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "amdim", "What AMDIM has besides the projection heads, one for each depth."
  ) {
    Key("clip", \.clip, .above(0), typedAs: ["tclip"], "Scores lie within this of 0, along a hyperbolic tangent.")
    Key(
      "penalty", \.penalty, .atLeast(0, [0: "none"]), typedAs: ["lgt_reg"],
      "What the mean of squared scores adds to the loss.")
  }
}

extension Configuration {
  static let amdimTakesMapsOfAResNet = Rule<Configuration>(
    about: \.encoder.architecture, and: \.method.name, text: "a ResNet with `amdim`"
  ) { configuration in
    configuration.method.name == .amdim ? configuration.faultUnlessResNet : nil
  }

  static let amdimTakesNoLocalViews = Rule<Configuration>(
    about: \.augmentation.localViews.count, and: \.method.name, text: "0 with `amdim`"
  ) { configuration in
    guard configuration.method.name == .amdim && configuration.augmentation.localViews.count > 0 else { return nil }
    return Fault(
      expected: "0, since amdim compares maps of two views of one size",
      got: "\(configuration.augmentation.localViews.count)")
  }
}
