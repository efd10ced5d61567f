import Torch
import TorchNN

/// An EfficientNet (Tan and Le 2019, arXiv 1905.11946) as torchvision builds it, less the classifier.
///
/// Parameters and buffers have torchvision's names, in their order.
public final class EfficientNet: Module, ImageEncoder {
  /// How wide and deep a network is.
  public enum Architecture: String, CaseIterable, Sendable {
    case b0 = "efficientnet_b0"
    case b1 = "efficientnet_b1"
    case b2 = "efficientnet_b2"
    case b3 = "efficientnet_b3"
    case b4 = "efficientnet_b4"
    case b5 = "efficientnet_b5"
    case b6 = "efficientnet_b6"
    case b7 = "efficientnet_b7"

    /// What channels and layers of `b0` are multiplied by.
    public var scaling: (width: Double, depth: Double) {
      switch self {
      case .b0: (1, 1)
      case .b1: (1, 1.1)
      case .b2: (1.1, 1.2)
      case .b3: (1.2, 1.4)
      case .b4: (1.4, 1.8)
      case .b5: (1.6, 2.2)
      case .b6: (1.8, 2.6)
      case .b7: (2, 3.1)
      }
    }

    /// The larger ones have statistics that follow more slowly, and a larger number added to variances.
    fileprivate func batchNorm(_ channels: Int) -> BatchNorm2d {
      switch self {
      case .b5, .b6, .b7: BatchNorm2d(channels, momentum: 0.01, epsilon: 1e-3)
      default: BatchNorm2d(channels)
      }
    }

    /// The features of an image.
    fileprivate func featureCount(width: Double) -> Int {
      4 * divisible(Double(Stage.all.last!.channels) * scaling.width * width)
    }
  }

  /// Blocks of one size in `b0`.
  private struct Stage {
    /// How many times as wide a block is inside.
    let expansion: Int
    let kernelSize: Int
    let stride: Int
    let channels: Int
    let depth: Int

    /// Those of the paper's table 1.
    static let all = [
      Stage(expansion: 1, kernelSize: 3, stride: 1, channels: 16, depth: 1),
      Stage(expansion: 6, kernelSize: 3, stride: 2, channels: 24, depth: 2),
      Stage(expansion: 6, kernelSize: 5, stride: 2, channels: 40, depth: 2),
      Stage(expansion: 6, kernelSize: 3, stride: 2, channels: 80, depth: 3),
      Stage(expansion: 6, kernelSize: 5, stride: 1, channels: 112, depth: 3),
      Stage(expansion: 6, kernelSize: 5, stride: 2, channels: 192, depth: 4),
      Stage(expansion: 6, kernelSize: 3, stride: 1, channels: 320, depth: 1),
    ]
  }

  public let featureCount: Int
  public var recomputesBlocks = false

  let features: [Sequential]
  private let dropout: Dropout

  /// - Parameters:
  ///   - width: multiplies the numbers of channels; 1 is the network of the paper.
  ///   - stem: with `cifar` the first convolution and the first stage that shrinks the image keep its size.
  ///   - stochasticDepth: how often the last block is left out; from 0 at the first it grows evenly.
  ///   - dropout: the share of features that is set to 0, where the published network has it before its classifier.
  ///   - generator: draws the first weights.
  public init(
    _ architecture: Architecture, width: Double = 1, stem: ResNet.Stem = .imagenet, stochasticDepth: Double = 0,
    dropout: Double = 0, generator: Generator
  ) {
    let scaling = architecture.scaling
    func channels(_ count: Int) -> Int { divisible(Double(count) * scaling.width * width) }
    let depths = Stage.all.map { Int((Double($0.depth) * scaling.depth).rounded(.up)) }
    let total = depths.reduce(0, +)
    let layers = ConvolutionMaker(batchNorm: architecture.batchNorm, generator: generator)
    var input = channels(32)
    var features = [layers.activated(3, input, size: 3, stride: stem == .cifar ? 1 : 2)]
    var number = 0
    for (stage, (size, depth)) in zip(Stage.all, depths).enumerated() {
      // The second stage is the first that shrinks the image.
      let stride = stem == .cifar && stage == 1 ? 1 : size.stride
      let output = channels(size.channels)
      features.append(
        Sequential(
          (0..<depth).map { index in
            defer { (number, input) = (number + 1, output) }
            return InvertedBottleneck(
              input, output, expansion: size.expansion, kernelSize: size.kernelSize, stride: index == 0 ? stride : 1,
              stochasticDepth: StochasticDepth(
                rate: stochasticDepth * Double(number) / Double(total), number: number + 1), layers)
          }))
    }
    featureCount = 4 * input
    features.append(layers.activated(input, featureCount, size: 1))
    self.features = features
    self.dropout = Dropout(rate: dropout, number: 0)
  }

  public var blocks: [Module] { features.flatMap(\.modules).filter { $0 is InvertedBottleneck } }

  /// Embeds images `[N, 3, H, W]` as features `[N, featureCount]`.
  public override func callAsFunction(_ images: Tensor) -> Tensor {
    let maps = features.reduce(images) { x, part in
      guard recomputesBlocks && part.modules.first is InvertedBottleneck else { return part(x) }
      return part.modules.reduce(x) { $1.recomputedInBackward($0) }
    }
    return dropout(Functional.adaptiveAvgPool2d(maps, height: 1, width: 1).flattened(from: 1))
  }

  public var classifierPrefix: String { "classifier." }
}

/// The nearest multiple of 8, at least 8 and not less than nine tenths of a number: torchvision's rule for channels.
private func divisible(_ number: Double) -> Int {
  let nearest = max(8, Int(number + 4) / 8 * 8)
  return Double(nearest) < 0.9 * number ? nearest + 8 : nearest
}

/// Makes convolutions with BatchNorm after them, as all of an ``EfficientNet`` are.
private struct ConvolutionMaker {
  let batchNorm: (Int) -> BatchNorm2d
  let generator: Generator

  func plain(_ input: Int, _ output: Int, size: Int, stride: Int = 1, groups: Int = 1) -> [Module] {
    [
      Conv2d(
        input, output, kernelSize: size, stride: stride, padding: (size - 1) / 2, groups: groups, generator: generator),
      batchNorm(output),
    ]
  }

  /// With SiLU after it.
  func activated(_ input: Int, _ output: Int, size: Int, stride: Int = 1, groups: Int = 1) -> Sequential {
    Sequential(plain(input, output, size: size, stride: stride, groups: groups) + [SiLU()])
  }
}

/// A 1 × 1 convolution that widens, a convolution of each channel by itself, weights for channels, and a 1 × 1 convolution that
/// narrows (Sandler et al. 2018, arXiv 1801.04381); added to the input where that has the same shape.
private final class InvertedBottleneck: Module {
  let block: [Module]
  private let addsInput: Bool
  private let stochasticDepth: StochasticDepth

  init(
    _ input: Int, _ output: Int, expansion: Int, kernelSize: Int, stride: Int, stochasticDepth: StochasticDepth,
    _ layers: ConvolutionMaker
  ) {
    let inner = divisible(Double(input * expansion))
    let widening = inner == input ? [] : [layers.activated(input, inner, size: 1)]
    let excitation = SqueezeExcitation(
      inner, hidden: max(1, input / 4), activation: { $0.silu() }, firstValues: .kaimingNormalWithoutBias,
      generator: layers.generator)
    block =
      widening + [
        layers.activated(inner, inner, size: kernelSize, stride: stride, groups: inner), excitation,
        Sequential(layers.plain(inner, output, size: 1)),
      ]
    addsInput = stride == 1 && input == output
    self.stochasticDepth = stochasticDepth
  }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    addsInput ? stochasticDepth(block(input)) + input : block(input)
  }
}

extension EncoderArchitecture {
  /// EfficientNet-B0 to B7.
  public static let efficientNets = EfficientNet.Architecture.allCases.map(EncoderArchitecture.init)

  private init(_ architecture: EfficientNet.Architecture) {
    self.init(
      name: architecture.rawValue, traits: [.stem, .stochasticDepth, .dropout],
      features: { architecture.featureCount(width: $0) },
      make: { settings, generator in
        EfficientNet(
          architecture, width: settings.width, stem: settings.stem, stochasticDepth: settings.stochasticDepth,
          dropout: settings.dropout, generator: generator)
      })
  }
}
