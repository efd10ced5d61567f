import Torch

/// A kind of encoder, by the name under which it is published.
///
/// A new one is a value made beside its network, and a line in ``allCases``.
public struct EncoderArchitecture: Sendable {
  /// The name in torchvision or timm, such as `resnet50`.
  public let name: String
  /// What can be set of it besides its width.
  public let traits: Set<Trait>
  private let features: @Sendable (_ width: Double) -> Int
  private let make: @Sendable (EncoderSettings, Generator) -> any ImageEncoder

  /// What some encoders have and others have not.
  public enum Trait: Sendable {
    /// A beginning for photographs and one for small images.
    case stem
    /// Scales of residual blocks that can begin at 0.
    case residualScales
    /// Branches that are left out for some images.
    case stochasticDepth
    case dropout
    /// Patches with positions.
    case patches
  }

  /// - Parameters:
  ///   - features: how many there are at a width.
  ///   - make: a network whose first weights are drawn from the generator.
  public init(
    name: String, traits: Set<Trait>, features: @escaping @Sendable (_ width: Double) -> Int,
    make: @escaping @Sendable (EncoderSettings, Generator) -> any ImageEncoder
  ) {
    (self.name, self.traits, self.features, self.make) = (name, traits, features, make)
  }

  /// All there are, in the order that lists have them.
  public static let allCases: [EncoderArchitecture] =
    [
      resnet18, resnet34, resnet50, resnet101, resnet152, seresnet50, seresnet101, seresnet152,
      resnext50, resnext101, resnext101Of64Groups, wideResnet50, wideResnet101,
      vitTiny, vitSmall, vitBase, vitLarge, convNeXtTiny, convNeXtSmall, convNeXtBase, convNeXtLarge,
    ] + efficientNets
}

extension EncoderArchitecture: CaseIterable, RawRepresentable, Hashable, CustomStringConvertible {
  /// The one of a name; nil where there is none.
  public init?(rawValue: String) {
    guard let known = Self.allCases.first(where: { $0.name == rawValue }) else { return nil }
    self = known
  }

  public var rawValue: String { name }

  public var description: String { name }

  public static func == (one: Self, other: Self) -> Bool { one.name == other.name }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// An encoder in all that decides what it computes but its weights.
public struct EncoderSettings: Equatable, Sendable {
  public var architecture: EncoderArchitecture
  /// Multiplies the numbers of channels; 1 is the published network.
  public var width: Double
  /// Of images: red, green and blue, unless an encoder sees only a part of them.
  public var inputChannels = 3
  public var stem: ResNet.Stem
  /// Starts residual blocks as identities (Goyal et al. 2017).
  public var zeroInitializesResiduals: Bool
  /// How often, in training, the last residual branch is left out for an image; from the first on it grows evenly.
  public var stochasticDepth = 0.0
  /// The share of elements that training sets to 0.
  public var dropout = 0.0
  /// Of a vision transformer.
  public var transformer = VisionTransformer.Settings()

  /// Without more said, the network as it is published.
  public init(
    _ architecture: EncoderArchitecture, width: Double = 1, stem: ResNet.Stem = .imagenet,
    zeroInitializesResiduals: Bool = false
  ) {
    (self.architecture, self.width) = (architecture, width)
    (self.stem, self.zeroInitializesResiduals) = (stem, zeroInitializesResiduals)
  }

  /// The number of features of an image.
  public var featureCount: Int { architecture.featureCount(width: width) }

  /// Takes over what tensors of a file tell of a vision transformer: the sizes of its patches and of the images that its positions
  /// are for, and what becomes of the tokens. Of other networks they tell nothing that is not known.
  public mutating func adopt(_ tensors: [String: Tensor]) {
    guard architecture.traits.contains(.patches) else { return }
    func shape(_ name: String) -> [Int]? {
      tensors.first { $0.key == name || $0.key.hasSuffix(".\(name)") }?.value.shape
    }
    if let shape = shape("patch_embed.proj.weight"), shape.count == 4, 1...64 ~= shape[3] {
      transformer.patchSize = shape[3]
      transformer.imageSize = transformer.imageSize / shape[3] * shape[3]
    }
    if let shape = shape("pos_embed"), shape.count == 3, shape[1] > 1 {
      transformer.imageSize = Int(Double(shape[1] - 1).squareRoot()) * transformer.patchSize
    }
    if shape("fc_norm.weight") != nil { transformer.pooling = .mean }
  }

  /// Why images of a size do not fit; nil where they do.
  public func fault(imageSize: Int) -> String? {
    guard architecture.traits.contains(.patches), !imageSize.isMultiple(of: transformer.patchSize) else { return nil }
    return "patches of \(transformer.patchSize) pixels do not divide images of \(imageSize)"
  }

  /// An encoder whose first weights are drawn from `generator`.
  public func makeEncoder(generator: Generator) -> any ImageEncoder {
    architecture.makeEncoder(self, generator: generator)
  }
}

extension EncoderArchitecture {
  fileprivate func featureCount(width: Double) -> Int { features(width) }

  fileprivate func makeEncoder(_ settings: EncoderSettings, generator: Generator) -> any ImageEncoder {
    make(settings, generator)
  }
}
