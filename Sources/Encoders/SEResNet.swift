import Torch
import TorchNN

extension EncoderArchitecture {
  /// Squeeze-and-excitation networks (Hu et al. 2018, arXiv 1709.01507): residual networks whose blocks weigh their channels.
  public static let seresnet50 = EncoderArchitecture(squeezing: .resnet50, name: "seresnet50")
  public static let seresnet101 = EncoderArchitecture(squeezing: .resnet101, name: "seresnet101")
  public static let seresnet152 = EncoderArchitecture(squeezing: .resnet152, name: "seresnet152")

  /// - Parameter plain: the network of the same depth without them, which has bottlenecks.
  private init(squeezing plain: ResNet.Architecture, name: String) {
    self.init(
      name: name, publisher: .timm, features: { ResNet.featureCount(plain, width: $0) },
      make: { settings, generator in
        ResNet(
          depths: plain.depths, width: settings.width, stem: settings.stem,
          zeroInitialisesResiduals: settings.zeroInitializesResiduals, generator: generator
        ) { SqueezedBottleneck($0, $1, stride: $2, generator: generator) }
      })
  }
}

/// A ``Bottleneck`` whose output is weighed channel by channel before the shortcut is added to it.
final class SqueezedBottleneck: ResidualBlock {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let conv3: Conv2d
  let bn3: BatchNorm2d
  let se: SqueezeExcitation
  let downsample: [Module]

  init(_ inputChannels: Int, _ channels: Int, stride: Int, generator: Generator) {
    let outputChannels = channels * Bottleneck.expansion
    conv1 = Conv2d(inputChannels, channels, kernelSize: 1, generator: generator)
    bn1 = BatchNorm2d(channels)
    conv2 = Conv2d(channels, channels, kernelSize: 3, stride: stride, padding: 1, generator: generator)
    bn2 = BatchNorm2d(channels)
    conv3 = Conv2d(channels, outputChannels, kernelSize: 1, generator: generator)
    bn3 = BatchNorm2d(outputChannels)
    se = SqueezeExcitation(outputChannels, generator: generator)
    downsample = Self.downsample(inputChannels, outputChannels, stride: stride, generator: generator)
    super.init(outputChannels: outputChannels)
  }

  override func startAsIdentity() { _ = withoutGradients { bn3.weight.value.fill_(0) } }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let squeezed = bn1(conv1(input), relu: true)
    let output = bn3(conv3(bn2(conv2(squeezed), relu: true)))
    return se(output).add_(downsample(input)).relu_()
  }
}

/// Weighs each channel of `[N, C, H, W]` by a number in 0…1 that is found from the means of all channels.
final class SqueezeExcitation: Module {
  let fc1: Conv2d
  let fc2: Conv2d

  init(_ channels: Int, generator: Generator) {
    let hidden = Self.hiddenChannels(of: channels)
    fc1 = Conv2d(channels, hidden, kernelSize: 1, bias: true, generator: generator)
    fc2 = Conv2d(hidden, channels, kernelSize: 1, bias: true, generator: generator)
  }

  /// A sixteenth of the channels, to the nearest multiple of 8, at least 8: timm's rule.
  private static func hiddenChannels(of channels: Int) -> Int { max(8, (channels / 16 + 4) / 8 * 8) }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let weights = fc2(fc1(input.mean(2, 3, keepDimensions: true)).relu()).sigmoid()
    return input * weights.to(input.dtype)
  }
}
