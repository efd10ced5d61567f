import Encoders
import Keys

/// Section `encoder`, which ``section`` documents key by key.
public struct EncoderConfiguration: Equatable, Sendable {
  /// The beginning of the network.
  public enum Stem: String, CaseIterable, Sendable {
    case auto, imagenet, cifar
  }

  public var architecture = EncoderArchitecture.resnet50
  public var width = 1.0
  public var stem = Stem.auto
  public var zeroInitializeResiduals = false
  public var weights = ""

  /// The defaults.
  public init() {}
}

extension EncoderConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("encoder", "The network f(·), which is what pretraining is for.") {
    Key("architecture", \.architecture, typedAs: ["arch", "name", "model", "backbone", "network"], "Which network.")
    Key(
      "width", \.width, .from(1.0 / 64, to: 16, [1.0 / 64: "1/64"]), typedAs: ["width_multiplier"],
      "Multiplies the number of channels.")
    Key(
      "stem", \.stem,
      """
      How the network begins: `imagenet` with a 7 × 7 convolution of stride 2 and pooling, `cifar` with a 3 × 3 convolution;
      `auto`: `cifar` for images of up to 64 pixels, else `imagenet`.
      """)
    Key(
      "zero_initialize_residuals", \.zeroInitializeResiduals, typedAs: ["zero_init_residual"],
      "Starts residual blocks as identities.")
    Key(
      "weights", \.weights, .any("a file"), scope: .process, typedAs: ["pretrained"],
      "A file of weights that the encoder begins with, published or of another run; empty: weights that are drawn.")
  }
}

extension EncoderConfiguration {
  /// The network that a resolved section describes.
  public var settings: EncoderSettings {
    EncoderSettings(
      architecture, width: width, stem: stem == .cifar ? .cifar : .imagenet,
      zeroInitializesResiduals: zeroInitializeResiduals)
  }
}
