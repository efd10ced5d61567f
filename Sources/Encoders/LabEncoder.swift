import Torch
import TorchNN

/// Two encoders, of which one sees the lightness of images and the other their colors, in the color space L*a*b*; features of both
/// are joined (Contrastive multiview coding, arXiv 1906.05849).
public final class LabEncoder: Module, ImageEncoder {
  /// Of L: images of one channel.
  public let lightness: any ImageEncoder
  /// Of a and b: images of two channels.
  public let color: any ImageEncoder
  private let space: LabColorSpace

  /// - Parameters:
  ///   - settings: of each of the two; their channels are set here.
  ///   - mean: that was subtracted from red, green and blue, on the scale 0…1.
  ///   - standardDeviation: that was divided by then.
  ///   - generator: draws the first weights.
  public init(_ settings: EncoderSettings, mean: [Double], standardDeviation: [Double], generator: Generator) {
    func encoder(ofChannels count: Int) -> any ImageEncoder {
      var settings = settings
      settings.inputChannels = count
      return settings.makeEncoder(generator: generator)
    }
    (lightness, color) = (encoder(ofChannels: 1), encoder(ofChannels: 2))
    space = LabColorSpace(mean: mean, standardDeviation: standardDeviation)
  }

  public var featureCount: Int { lightness.featureCount + color.featureCount }

  public var blocks: [Module] { lightness.blocks + color.blocks }

  public var recomputesBlocks: Bool {
    get { lightness.recomputesBlocks }
    set { (lightness.recomputesBlocks, color.recomputesBlocks) = (newValue, newValue) }
  }

  /// Embeds images `[N, 3, H, W]` as features `[N, featureCount]`, those of lightness first.
  public override func callAsFunction(_ images: Tensor) -> Tensor {
    let halves = features(images)
    return Tensor.concatenate([halves.lightness, halves.color], dimension: 1)
  }

  /// The features of both, `[N, F]` each.
  public func features(_ images: Tensor) -> (lightness: Tensor, color: Tensor) {
    let lab = space.fromRGB(images)
    return (lightness(lab.narrow(1, 0..<1).channelsLast()), color(lab.narrow(1, 1..<3).channelsLast()))
  }
}
