import Torch
import TorchNN

/// A residual network (He et al. 2016) as torchvision builds it, also with grouped convolutions (ResNeXt, Xie et al. 2017, arXiv
/// 1611.05431) or wider ones (Zagoruyko and Komodakis 2016, arXiv 1605.07146), or with squeeze and excitation as timm does,
/// less the classifier: the encoder f(·) of SimCLR.
///
/// Parameters and buffers have their names, in their order.
public final class ResNet: Module, FeatureMapEncoder {
  /// How deep a network is and of which blocks it is built.
  public enum Architecture: String, CaseIterable, Sendable {
    case resnet18, resnet34, resnet50, resnet101, resnet152
    case seresnet50, seresnet101, seresnet152
    case resnext50 = "resnext50_32x4d"
    case resnext101 = "resnext101_32x8d"
    case resnext101Of64Groups = "resnext101_64x4d"
    case wideResnet50 = "wide_resnet50_2"
    case wideResnet101 = "wide_resnet101_2"

    /// How many blocks each of the four stages has.
    public var depths: [Int] {
      switch self {
      case .resnet18: [2, 2, 2, 2]
      case .resnet34, .resnet50, .seresnet50, .resnext50, .wideResnet50: [3, 4, 6, 3]
      case .resnet101, .seresnet101, .resnext101, .resnext101Of64Groups, .wideResnet101: [3, 4, 23, 3]
      case .resnet152, .seresnet152: [3, 8, 36, 3]
      }
    }

    /// Whether blocks are of three convolutions, widening fourfold, rather than of two.
    public var hasBottlenecks: Bool {
      switch self {
      case .resnet18, .resnet34: false
      default: true
      }
    }

    /// Whether blocks weigh their channels (squeeze and excitation).
    public var weighsChannels: Bool {
      switch self {
      case .seresnet50, .seresnet101, .seresnet152: true
      default: false
      }
    }

    /// The parts that channels of a bottleneck's 3 × 3 convolution are divided into, and how many channels each has where the stage
    /// has 64: 1 and 64 in a plain network.
    public var grouping: (groups: Int, channels: Int) {
      switch self {
      case .resnext50: (32, 4)
      case .resnext101: (32, 8)
      case .resnext101Of64Groups: (64, 4)
      case .wideResnet50, .wideResnet101: (1, 128)
      default: (1, 64)
      }
    }
  }

  /// How a network begins.
  public enum Stem: String, CaseIterable, Sendable {
    /// A 7 × 7 convolution of stride 2 and max pooling: the image shrinks fourfold.
    case imagenet
    /// A 3 × 3 convolution of stride 1, no pooling, for small images (SimCLR, appendix B.9).
    case cifar
  }

  public let featureCount: Int
  public let mapChannels: [Int]
  public var recomputesBlocks = false

  let conv1: Conv2d
  let bn1: BatchNorm2d
  let maxpool: MaxPool2d?
  let layer1: [Module]
  let layer2: [Module]
  let layer3: [Module]
  let layer4: [Module]

  /// - Parameters:
  ///   - imageChannels: of images; 3 are red, green and blue.
  ///   - width: multiplies the number of channels everywhere; 1 is the network of the paper.
  ///   - zeroInitializesResiduals: starts the last BatchNorm scale of every block at 0, so that blocks begin as
  ///     identities (Goyal et al. 2017).
  ///   - generator: draws the first weights.
  public init(
    _ architecture: Architecture, inputChannels imageChannels: Int = 3, width: Double = 1, stem: Stem = .imagenet,
    zeroInitializesResiduals: Bool = false,
    generator: Generator
  ) {
    let channels = Self.channels(width: width)
    precondition(channels[0] > 0, "ResNet: a width of \(width) leaves no channels")
    switch stem {
    case .imagenet:
      conv1 = Conv2d(imageChannels, channels[0], kernelSize: 7, stride: 2, padding: 3, generator: generator)
      maxpool = MaxPool2d(kernelSize: 3, stride: 2, padding: 1)
    case .cifar:
      conv1 = Conv2d(imageChannels, channels[0], kernelSize: 3, padding: 1, generator: generator)
      maxpool = nil
    }
    bn1 = BatchNorm2d(channels[0])
    var inputChannels = channels[0]
    let stages = zip(channels, architecture.depths).enumerated().map { stage, size -> [Module] in
      (0..<size.1).map { index -> ResidualBlock in
        let stride = stage > 0 && index == 0 ? 2 : 1
        let block: ResidualBlock =
          architecture.hasBottlenecks
          ? Bottleneck(inputChannels, size.0, stride: stride, of: architecture, generator: generator)
          : BasicBlock(inputChannels, size.0, stride: stride, generator: generator)
        if zeroInitializesResiduals { block.startAsIdentity() }
        inputChannels = block.outputChannels
        return block
      }
    }
    (layer1, layer2, layer3, layer4) = (stages[0], stages[1], stages[2], stages[3])
    featureCount = inputChannels
    mapChannels = channels.map { $0 * (architecture.hasBottlenecks ? Bottleneck.expansion : 1) }
  }

  /// The channels of each stage, before blocks widen them.
  private static func channels(width: Double) -> [Int] { [64, 128, 256, 512].map { Int(Double($0) * width) } }

  public var blocks: [Module] { layer1 + layer2 + layer3 + layer4 }

  /// Embeds images `[N, 3, H, W]` as features `[N, featureCount]`.
  public override func callAsFunction(_ images: Tensor) -> Tensor {
    Functional.adaptiveAvgPool2d(featureMaps(images).last!, height: 1, width: 1).flattened(from: 1)
  }

  public func featureMaps(_ images: Tensor) -> [Tensor] {
    var x = bn1(conv1(images), relu: true)
    if let maxpool { x = maxpool(x) }
    return [layer1, layer2, layer3, layer4].map { stage in
      x = stage.reduce(x) { recomputesBlocks ? $1.recomputedInBackward($0) : $1($0) }
      return x
    }
  }
}

extension EncoderArchitecture {
  public static let resnet18 = EncoderArchitecture(.resnet18)
  public static let resnet34 = EncoderArchitecture(.resnet34)
  public static let resnet50 = EncoderArchitecture(.resnet50)
  public static let resnet101 = EncoderArchitecture(.resnet101)
  public static let resnet152 = EncoderArchitecture(.resnet152)
  public static let seresnet50 = EncoderArchitecture(.seresnet50)
  public static let seresnet101 = EncoderArchitecture(.seresnet101)
  public static let seresnet152 = EncoderArchitecture(.seresnet152)
  public static let resnext50 = EncoderArchitecture(.resnext50)
  public static let resnext101 = EncoderArchitecture(.resnext101)
  public static let resnext101Of64Groups = EncoderArchitecture(.resnext101Of64Groups)
  public static let wideResnet50 = EncoderArchitecture(.wideResnet50)
  public static let wideResnet101 = EncoderArchitecture(.wideResnet101)

  private init(_ architecture: ResNet.Architecture) {
    self.init(
      name: architecture.rawValue, traits: [.stem, .residualScales],
      features: { ResNet.featureCount(architecture, width: $0) },
      make: { settings, generator in
        ResNet(
          architecture, inputChannels: settings.inputChannels, width: settings.width, stem: settings.stem,
          zeroInitializesResiduals: settings.zeroInitializesResiduals, generator: generator)
      })
  }
}

extension ResNet {
  /// The number of features of an image that a network of this width has.
  fileprivate static func featureCount(_ architecture: Architecture, width: Double) -> Int {
    channels(width: width)[3] * (architecture.hasBottlenecks ? Bottleneck.expansion : 1)
  }
}

/// What the stages of a ``ResNet`` are made of: convolutions, to whose output their input is added.
///
/// A block declares its `downsample` after its convolutions, because that is torchvision's order of names.
class ResidualBlock: Module {
  final let outputChannels: Int

  init(outputChannels: Int) { self.outputChannels = outputChannels }

  /// What brings the input to the shape of the output; empty where it has it already.
  static func downsample(
    _ inputChannels: Int, _ outputChannels: Int, stride: Int, generator: Generator
  ) -> [Module] {
    stride == 1 && inputChannels == outputChannels
      ? []
      : [
        Conv2d(inputChannels, outputChannels, kernelSize: 1, stride: stride, generator: generator),
        BatchNorm2d(outputChannels),
      ]
  }

  /// Sets the last scale to 0, so that the block passes its input on.
  func startAsIdentity() { preconditionFailure("\(type(of: self)) does not say which scale is its last") }
}

/// Two 3 × 3 convolutions.
final class BasicBlock: ResidualBlock {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let downsample: [Module]

  init(_ inputChannels: Int, _ channels: Int, stride: Int, generator: Generator) {
    conv1 = Conv2d(inputChannels, channels, kernelSize: 3, stride: stride, padding: 1, generator: generator)
    bn1 = BatchNorm2d(channels)
    conv2 = Conv2d(channels, channels, kernelSize: 3, padding: 1, generator: generator)
    bn2 = BatchNorm2d(channels)
    downsample = Self.downsample(inputChannels, channels, stride: stride, generator: generator)
    super.init(outputChannels: channels)
  }

  override func startAsIdentity() { _ = withoutGradients { bn2.weight?.value.fill_(0) } }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    bn2(conv2(bn1(conv1(input), relu: true)), adding: downsample(input), relu: true)
  }
}

/// 1 × 1, 3 × 3 (which takes the stride) and 1 × 1 convolutions; the output is four times as wide as the stage. Its channels may be
/// weighed before the shortcut is added.
final class Bottleneck: ResidualBlock {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let conv3: Conv2d
  let bn3: BatchNorm2d
  let se: SqueezeExcitation?
  let downsample: [Module]

  fileprivate static let expansion = 4

  /// - Parameter channels: the stage's, which torchvision calls planes.
  init(
    _ inputChannels: Int, _ channels: Int, stride: Int, of architecture: ResNet.Architecture, generator: Generator
  ) {
    let outputChannels = channels * Self.expansion
    let grouping = architecture.grouping
    // A narrow network leaves each group a channel at least.
    let inner = max(1, channels * grouping.channels / 64) * grouping.groups
    conv1 = Conv2d(inputChannels, inner, kernelSize: 1, generator: generator)
    bn1 = BatchNorm2d(inner)
    conv2 = Conv2d(
      inner, inner, kernelSize: 3, stride: stride, padding: 1, groups: grouping.groups, generator: generator)
    bn2 = BatchNorm2d(inner)
    conv3 = Conv2d(inner, outputChannels, kernelSize: 1, generator: generator)
    bn3 = BatchNorm2d(outputChannels)
    se = architecture.weighsChannels ? SqueezeExcitation(outputChannels, generator: generator) : nil
    downsample = Self.downsample(inputChannels, outputChannels, stride: stride, generator: generator)
    super.init(outputChannels: outputChannels)
  }

  override func startAsIdentity() { _ = withoutGradients { bn3.weight?.value.fill_(0) } }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let output = conv3(bn2(conv2(bn1(conv1(input), relu: true)), relu: true))
    guard let se else { return bn3(output, adding: downsample(input), relu: true) }
    return se(bn3(output)).add_(downsample(input)).relu_()
  }
}
