import Torch

/// The color operations of `PixelImage` for many samples at once. Levels are whole numbers 0…255 in float32
/// `[K, 3, H, W]`; every operation leaves them as they are and returns others.
///
/// Products and sums are operations of their own, for a device may fuse them into one that rounds once, and the level
/// that is then dropped or not makes a difference that later factors multiply.
struct BatchColor: Sendable {
  /// Of red, green and blue in gray.
  private let grayWeights: Tensor
  /// Where on the color wheel red, green and blue begin to fall, in sixths.
  private let sectors: Tensor

  init(device: Device) {
    grayWeights = Tensor([0.2989, 0.587, 0.114] as [Float], shape: [1, 3, 1, 1]).to(device: device)
    sectors = Tensor([5, 3, 1] as [Float], shape: [1, 3, 1, 1]).to(device: device)
  }

  /// - Parameter values: `[K, 1]`, factors.
  func brightness(_ levels: Tensor, _ values: Tensor) -> Tensor {
    (levels * column(values, 0)).clamp_(0...255).floor_()
  }

  /// - Parameter values: `[K, 2]`, factors and what is missing to 1.
  func contrast(_ levels: Tensor, _ values: Tensor) -> Tensor {
    // Rows of levels sum exactly in float32, images do not.
    let gray = grayLevels(levels)
    let total = gray.sum(3, keepDimensions: true).to(.float64).sum(2, keepDimensions: true)
    let mean = total.div_(Tensor(Double(gray.shape[2] * gray.shape[3]))).to(.float32)
    return (levels * column(values, 0)).add_(mean.mul_(column(values, 1))).clamp_(0...255).floor_()
  }

  /// - Parameter values: `[K, 2]`, factors and what is missing to 1.
  func saturation(_ levels: Tensor, _ values: Tensor) -> Tensor {
    let gray = grayLevels(levels).mul_(column(values, 1))
    return (levels * column(values, 0)).add_(gray).clamp_(0...255).floor_()
  }

  /// - Parameter values: `[K, 1]`, sixths of a turn.
  func hue(_ levels: Tensor, _ values: Tensor) -> Tensor {
    let (red, green, blue) = (levels.narrow(1, 0..<1), levels.narrow(1, 1..<2), levels.narrow(1, 2..<3))
    let value = levels.amax(1, keepDimension: true)
    let chroma = value - levels.amin(1, keepDimension: true)
    // Gray has no hue; whatever it is given is multiplied by a chroma of 0.
    let divisor = chroma.clamp(1...255)
    let fromGreen = (blue - red).div_(divisor).add_(2)
    let fromBlue = (red - green).div_(divisor).add_(4)
    let hue = (green - blue).div_(divisor)
      .where(value.equal(red), otherwise: fromGreen.where(value.equal(green), otherwise: fromBlue))
    hue.add_(column(values, 0)).remainder_(6)
    let turned = (hue + sectors).remainder_(6)
    let missing = (-turned).add_(4).minimum(turned).clamp_(0...1)
    // torchvision goes from [0, 1] back to levels by multiplying with 255.999 and dropping the fraction.
    return (value - missing.mul_(chroma)).mul_(Double(255.999 as Float / 255)).floor_()
  }

  /// The gray level of every pixel, `[K, 1, H, W]`.
  func grayLevels(_ levels: Tensor) -> Tensor {
    let parts = levels * grayWeights
    return (parts.narrow(1, 0..<1) + parts.narrow(1, 1..<2)).add_(parts.narrow(1, 2..<3)).floor_()
  }

  /// - Parameter threshold: in levels; what is not below it is inverted.
  func solarize(_ levels: Tensor, threshold: Double) -> Tensor {
    // Levels are whole, so that not below the threshold is above the last whole number below it.
    (-levels).add_(255).where(levels.greater(than: threshold.rounded(.up) - 1), otherwise: levels)
  }

  /// One number of each sample, `[K, 1, 1, 1]`.
  private func column(_ values: Tensor, _ index: Int) -> Tensor {
    values.narrow(1, index..<index + 1).reshaped([values.shape[0], 1, 1, 1])
  }
}
