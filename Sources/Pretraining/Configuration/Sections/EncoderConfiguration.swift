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
  public var stochasticDepth = 0.0
  public var dropout = 0.0
  public var patchSize = 0
  public var pooling = VisionTransformer.Pooling.token
  public var positions = VisionTransformer.Positions.learned
  public var freezePatchProjection = false
  public var weights = ""

  /// The defaults.
  public init() {}
}

extension EncoderConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "encoder", "The network f(·), which is what pretraining is for.", rules: rules
  ) {
    Key("architecture", \.architecture, typedAs: ["arch", "name", "model", "backbone", "network"], "Which network.")
    Key(
      "width", \.width, .from(1.0 / 64, to: 16, [1.0 / 64: "1/64"]), typedAs: ["width_multiplier"],
      "Multiplies the number of channels.")
    Key(
      "stem", \.stem,
      """
      How the network begins: `imagenet` as published, for a ResNet with a 7 × 7 convolution of stride 2 and pooling; `cifar` with a
      3 × 3 convolution that leaves small images their size; `auto`: `cifar` for images of up to 64 pixels, else `imagenet`.
      Vision transformers have none.
      """)
    Key(
      "zero_initialize_residuals", \.zeroInitializeResiduals, typedAs: ["zero_init_residual"],
      "Starts residual blocks as identities: ResNets of all kinds.")
    Key(
      "stochastic_depth", \.stochasticDepth, .from(0, below: 1), typedAs: ["drop_path", "drop_path_rate"],
      """
      How often training leaves the last residual branch out for an image, from 0 at the first evenly on: ConvNeXt, EfficientNet and
      vision transformers.
      """)
    Key(
      "dropout", \.dropout, .from(0, below: 1), typedAs: ["drop_rate"],
      """
      The share of elements that training sets to 0: of a vision transformer's tokens after positions, attention and the layers of
      MLPs; of an EfficientNet's features.
      """)
    Key(
      "patch_size", \.patchSize, .from(0, to: 64, [0: "16, or 4 for images of up to 64 pixels"]), typedAs: ["patch"],
      "Side in pixels of the patches that a vision transformer cuts images into; it must divide the sizes of all views."
    )
    Key(
      "pooling", \.pooling, typedAs: ["global_pool", "pool"],
      "What a vision transformer gives out: its class `token`, or the `mean` of the patches' tokens.")
    Key(
      "positions", \.positions, typedAs: ["pos_embed", "position_embedding"],
      """
      How a vision transformer is told where patches lie: `learned`, or fixed `sincos` of row and column. For views of other sizes
      they are interpolated.
      """)
    Key(
      "freeze_patch_projection", \.freezePatchProjection, typedAs: ["stop_grad_conv1", "freeze_patch_embed"],
      "Leaves a vision transformer's projection of patches as it was drawn, which keeps large learning rates stable (MoCo v3)."
    )
    Key(
      "weights", \.weights, .any("a file"), scope: .process, typedAs: ["pretrained"],
      "A file of weights that the encoder begins with, published or of another run; empty: weights that are drawn.")
  }
}

extension EncoderConfiguration {
  /// The network that a resolved section describes.
  ///
  /// - Parameter imageSize: `augmentation.image_size`, which a vision transformer's positions are for.
  public func settings(imageSize: Int) -> EncoderSettings {
    var settings = EncoderSettings(
      architecture, width: width, stem: stem == .cifar ? .cifar : .imagenet,
      zeroInitializesResiduals: zeroInitializeResiduals)
    (settings.stochasticDepth, settings.dropout) = (stochasticDepth, dropout)
    if architecture.traits.contains(.patches) {
      settings.transformer.imageSize = imageSize
      settings.transformer.patchSize = patchSize(forImagesOf: imageSize)
      (settings.transformer.pooling, settings.transformer.positions) = (pooling, positions)
      settings.transformer.freezesPatchProjection = freezePatchProjection
    }
    return settings
  }

  /// The side of patches, with what 0 stands for filled in.
  func patchSize(forImagesOf imageSize: Int) -> Int { patchSize > 0 ? patchSize : imageSize <= 64 ? 4 : 16 }

  /// Fills in what was left open and depends on the side of the images.
  mutating func resolve(imageSize: Int) {
    if architecture.traits.contains(.stem) && stem == .auto { stem = imageSize <= 64 ? .cifar : .imagenet }
    if architecture.traits.contains(.patches) { patchSize = patchSize(forImagesOf: imageSize) }
  }
}
