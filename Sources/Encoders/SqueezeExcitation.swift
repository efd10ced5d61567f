import Torch
import TorchNN

/// Weighs each channel of `[N, C, H, W]` by a number in 0…1 that is found from the means of all channels (Hu et al. 2018, arXiv
/// 1709.01507), under the names of timm and torchvision.
final class SqueezeExcitation: Module {
  let fc1: Conv2d
  let fc2: Conv2d
  private let activation: (Tensor) -> Tensor

  /// - Parameters:
  ///   - hidden: how many numbers the weights are found from.
  ///   - activation: of these.
  init(
    _ channels: Int, hidden: Int, activation: @escaping (Tensor) -> Tensor, firstValues: Initializer.Choice,
    generator: Generator
  ) {
    fc1 = Conv2d(channels, hidden, kernelSize: 1, bias: true, firstValues: firstValues, generator: generator)
    fc2 = Conv2d(hidden, channels, kernelSize: 1, bias: true, firstValues: firstValues, generator: generator)
    self.activation = activation
  }

  /// As timm's residual networks have it: hidden are a sixteenth of the channels, to the nearest multiple of 8, at least 8.
  convenience init(_ channels: Int, generator: Generator) {
    self.init(
      channels, hidden: max(8, (channels / 16 + 4) / 8 * 8), activation: { $0.relu() }, firstValues: .kaimingNormal,
      generator: generator)
  }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let weights = fc2(activation(fc1(input.mean(2, 3, keepDimensions: true)))).sigmoid()
    return input * weights.to(input.dtype)
  }
}
