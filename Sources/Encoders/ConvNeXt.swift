import Torch
import TorchNN

/// A ConvNeXt (Liu et al. 2022, arXiv 2201.03545) as torchvision builds it, less the last linear layer: the normalization before
/// that belongs to the encoder.
///
/// Parameters have torchvision's names, in their order.
public final class ConvNeXt: Module, ImageEncoder {
  /// How wide and deep a network is.
  public enum Architecture: String, CaseIterable, Sendable {
    case tiny = "convnext_tiny"
    case small = "convnext_small"
    case base = "convnext_base"
    case large = "convnext_large"

    /// How many blocks each of the four stages has.
    public var depths: [Int] { self == .tiny ? [3, 3, 9, 3] : [3, 3, 27, 3] }

    /// The channels of each stage.
    func channels(width: Double) -> [Int] {
      let first =
        switch self {
        case .tiny, .small: 96
        case .base: 128
        case .large: 192
        }
      return [1, 2, 4, 8].map { max(1, Int(Double($0 * first) * width)) }
    }
  }

  public let featureCount: Int
  public var recomputesBlocks = false

  let features: [Sequential]
  let classifier: [Module]

  /// - Parameters:
  ///   - width: multiplies the numbers of channels; 1 is the network of the paper.
  ///   - stem: with `cifar` the network begins with a 3 × 3 convolution rather than with patches of 4 × 4, and the image keeps its
  ///     size.
  ///   - stochasticDepth: how often the last block is left out; from 0 at the first it grows evenly.
  ///   - generator: draws the first weights.
  public init(
    _ architecture: Architecture, width: Double = 1, stem: ResNet.Stem = .imagenet, stochasticDepth: Double = 0,
    generator: Generator
  ) {
    let (channels, depths) = (architecture.channels(width: width), architecture.depths)
    func convolution(_ input: Int, _ output: Int, size: Int, stride: Int, padding: Int = 0) -> Conv2d {
      Conv2d(
        input, output, kernelSize: size, stride: stride, padding: padding, bias: true,
        firstValues: .normal(deviation: 0.02), generator: generator)
    }
    let start =
      stem == .imagenet
      ? convolution(3, channels[0], size: 4, stride: 4) : convolution(3, channels[0], size: 3, stride: 1, padding: 1)
    var features = [Sequential([start, LayerNorm2d(channels[0])])]
    var number = 0
    let last = Double(depths.reduce(0, +) - 1)
    for (stage, depth) in depths.enumerated() {
      let blocks = (0..<depth).map { _ -> ConvNeXtBlock in
        defer { number += 1 }
        return ConvNeXtBlock(
          channels[stage],
          stochasticDepth: StochasticDepth(rate: stochasticDepth * Double(number) / last, number: number),
          generator: generator)
      }
      features.append(Sequential(blocks))
      if stage < 3 {
        let halving = convolution(channels[stage], channels[stage + 1], size: 2, stride: 2)
        features.append(Sequential([LayerNorm2d(channels[stage]), halving]))
      }
    }
    self.features = features
    classifier = [LayerNorm2d(channels[3])]
    featureCount = channels[3]
  }

  public var blocks: [Module] { features.flatMap(\.modules).filter { $0 is ConvNeXtBlock } }

  /// Embeds images `[N, 3, H, W]` as features `[N, featureCount]`.
  public override func callAsFunction(_ images: Tensor) -> Tensor {
    let maps = features.flatMap(\.modules).reduce(images) { x, module in
      recomputesBlocks && module is ConvNeXtBlock ? module.recomputedInBackward(x) : module(x)
    }
    return classifier(Functional.adaptiveAvgPool2d(maps, height: 1, width: 1)).flattened(from: 1)
  }

  public var classifierPrefix: String { "classifier.2." }
}

/// A 7 × 7 convolution of each channel by itself, then a network for each place, scaled and added to the input. The scale of a
/// channel begins at 10⁻⁶ and is not decayed, as in the authors' code.
final class ConvNeXtBlock: Module {
  let layerScale: Parameter
  let block: [Module]
  private let stochasticDepth: StochasticDepth

  init(_ channels: Int, stochasticDepth: StochasticDepth, generator: Generator) {
    let firstValues = Initializer.Choice.normal(deviation: 0.02)
    layerScale = Parameter(Tensor.full([channels, 1, 1], 1e-6), role: .normalization)
    block = [
      Conv2d(
        channels, channels, kernelSize: 7, padding: 3, groups: channels, bias: true, firstValues: firstValues,
        generator: generator),
      ChannelsToLast(), LayerNorm(channels),
      Linear(channels, 4 * channels, firstValues: firstValues, generator: generator), GELU(),
      Linear(4 * channels, channels, firstValues: firstValues, generator: generator), ChannelsToFirst(),
    ]
    self.stochasticDepth = stochasticDepth
  }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    input + stochasticDepth(layerScale.value * block(input))
  }
}

/// `[N, C, H, W]` to `[N, H, W, C]`.
private final class ChannelsToLast: Module {
  override func callAsFunction(_ input: Tensor) -> Tensor { input.permuted([0, 2, 3, 1]) }
}

/// `[N, H, W, C]` to `[N, C, H, W]`.
private final class ChannelsToFirst: Module {
  override func callAsFunction(_ input: Tensor) -> Tensor { input.permuted([0, 3, 1, 2]) }
}

extension EncoderArchitecture {
  public static let convNeXtTiny = EncoderArchitecture(.tiny)
  public static let convNeXtSmall = EncoderArchitecture(.small)
  public static let convNeXtBase = EncoderArchitecture(.base)
  public static let convNeXtLarge = EncoderArchitecture(.large)

  private init(_ architecture: ConvNeXt.Architecture) {
    self.init(
      name: architecture.rawValue, traits: [.stem, .stochasticDepth],
      features: { architecture.channels(width: $0)[3] },
      make: { settings, generator in
        ConvNeXt(
          architecture, width: settings.width, stem: settings.stem, stochasticDepth: settings.stochasticDepth,
          generator: generator)
      })
  }
}
