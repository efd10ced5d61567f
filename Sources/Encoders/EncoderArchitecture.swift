import Torch

/// A kind of encoder, by the name under which it is published.
///
/// A new one is a value made beside its network, and a line in ``allCases``.
public struct EncoderArchitecture: Sendable {
  /// The name in torchvision or timm, such as `resnet50`.
  public let name: String
  private let features: @Sendable (_ width: Double) -> Int
  private let make: @Sendable (EncoderSettings, Generator) -> any ImageEncoder

  /// - Parameters:
  ///   - features: how many there are at a width.
  ///   - make: a network whose first weights are drawn from the generator.
  public init(
    name: String, features: @escaping @Sendable (_ width: Double) -> Int,
    make: @escaping @Sendable (EncoderSettings, Generator) -> any ImageEncoder
  ) {
    (self.name, self.features, self.make) = (name, features, make)
  }

  /// All there are, in the order that lists have them.
  public static let allCases: [EncoderArchitecture] = [
    resnet18, resnet34, resnet50, resnet101, resnet152, seresnet50, seresnet101, seresnet152,
  ]
}

extension EncoderArchitecture: CaseIterable, RawRepresentable, Hashable {
  /// The one of a name; nil where there is none.
  public init?(rawValue: String) {
    guard let known = Self.allCases.first(where: { $0.name == rawValue }) else { return nil }
    self = known
  }

  public var rawValue: String { name }

  public static func == (one: Self, other: Self) -> Bool { one.name == other.name }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// An encoder in all that decides what it computes but its weights.
public struct EncoderSettings: Equatable, Sendable {
  public var architecture: EncoderArchitecture
  /// Multiplies the numbers of channels; 1 is the published network.
  public var width: Double
  public var stem: ResNet.Stem
  /// Starts residual blocks as identities (Goyal et al. 2017).
  public var zeroInitializesResiduals: Bool

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
