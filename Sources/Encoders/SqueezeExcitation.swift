import Torch
import TorchNN

/// Weighs each channel of `[N, C, H, W]` by a number in 0…1 that is found from the means of all channels (Hu et al. 2018, arXiv
/// 1709.01507), under timm's names.
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
