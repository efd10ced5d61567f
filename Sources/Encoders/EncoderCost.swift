import Torch
import TorchNN

/// What a network takes for an image.
public struct EncoderCost: Equatable, Sendable {
  public let parameterCount: Int
  /// Multiplications with an addition each for one image: of convolutions, linear layers and attention.
  public let multiplications: Int

  /// Counts them without computing anything or taking memory for weights.
  ///
  /// - Parameter imageSize: side of the image in pixels, which patches divide.
  public init(of settings: EncoderSettings, imageSize: Int) {
    let encoder = settings.makeEncoder(generator: Generator(seed: 0, device: .meta))
    encoder.move(to: .meta)
    encoder.evaluate()
    parameterCount = encoder.parameters().reduce(0) { $0 + $1.value.count }
    let image = Tensor.empty([1, 3, imageSize, imageSize], device: .meta)
    multiplications = Functional.multiplications { _ = withoutGradients { encoder(image) } }
  }
}
