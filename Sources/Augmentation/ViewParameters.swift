import Foundation
import Images
import Randomness

/// All that is random about one view of one image, drawn before any pixel is touched.
public struct ViewParameters: Sendable, Equatable {
  /// The part of the image that becomes the view.
  public var crop: CropRectangle
  /// Whether left and right change places.
  public var isFlipped = false
  /// Whether top and bottom change places.
  public var isFlippedVertically = false
  /// How many quarter turns the view makes against the clock, 0…3.
  public var quarterTurns = 0
  /// By how many degrees the view turns against the clock; `nil` where it does not.
  public var rotation: Double?
  /// Whether levels are spread until each is about as frequent.
  public var isEqualized = false
  /// Whether levels lose their lower bits.
  public var isPosterized = false
  /// Whether the view gets another sharpness.
  public var isSharpened = false
  /// The steps of color jitter in the order in which they are applied; empty where there is none.
  public var colorAdjustments: [ColorAdjustment] = []
  /// Whether the view becomes gray.
  public var isGrayscale = false
  /// Standard deviation of the blur in pixels; `nil` where there is none.
  public var blurSigma: Double?
  /// Whether bright samples are inverted.
  public var isSolarized = false
  /// The part of the view, not of the image, that is erased; `nil` where none is.
  public var erased: CropRectangle?

  /// A view that is only cropped and resized.
  public init(crop: CropRectangle) {
    self.crop = crop
  }

  /// Draws the parameters of one view.
  ///
  /// What does not depend on the image's size is drawn first, and drawn whether it is used or not: a run with another
  /// blur probability, say, still sees the same crops and colors.
  ///
  /// - Parameters:
  ///   - configuration: The settings of this view, one of `AugmentationConfiguration.views`.
  ///   - width: Columns of the image.
  ///   - height: Rows of the image.
  ///   - generator: Where the randomness comes from.
  public init(
    sampling configuration: AugmentationConfiguration, width: Int, height: Int, using generator: inout PhiloxGenerator
  ) {
    let isFlipped = generator.chance(configuration.flipProbability)
    let isJittered = generator.chance(configuration.jitterProbability)
    let adjustments = Self.sampleColorAdjustments(configuration, using: &generator)
    let isGrayscale = generator.chance(configuration.grayscaleProbability)
    let isBlurred = generator.chance(configuration.blurProbability)
    let sigma = generator.uniform(in: configuration.blurSigmaMinimum...configuration.blurSigmaMaximum)
    let isSolarized = generator.chance(configuration.solarizeProbability)

    crop = Self.sampleCrop(configuration, width: width, height: height, using: &generator)
    self.isFlipped = isFlipped
    colorAdjustments = isJittered ? adjustments : []
    self.isGrayscale = isGrayscale
    blurSigma = isBlurred && configuration.blurKernelSize > 1 ? sigma : nil
    self.isSolarized = isSolarized
  }

  /// Factors within the strength of each jitter, in random order. A jitter of strength 0 is left out.
  private static func sampleColorAdjustments(
    _ configuration: AugmentationConfiguration, using generator: inout PhiloxGenerator
  ) -> [ColorAdjustment] {
    func factor(_ jitter: Double) -> Double {
      let extent = jitter * configuration.jitterStrength
      return generator.uniform(in: max(0, 1 - extent)...(1 + extent))
    }
    let hueExtent = configuration.jitterHue * configuration.jitterStrength
    var adjustments: [(extent: Double, adjustment: ColorAdjustment)] = [
      (configuration.jitterBrightness, .brightness(factor(configuration.jitterBrightness))),
      (configuration.jitterContrast, .contrast(factor(configuration.jitterContrast))),
      (configuration.jitterSaturation, .saturation(factor(configuration.jitterSaturation))),
      (configuration.jitterHue, .hue(generator.uniform(in: -hueExtent...hueExtent))),
    ]
    for last in (1..<adjustments.count).reversed() {
      adjustments.swapAt(last, generator.integer(below: last + 1))
    }
    return adjustments.filter { $0.extent * configuration.jitterStrength > 0 }.map(\.adjustment)
  }

  /// torchvision's `RandomResizedCrop`: a share of the area and an aspect ratio, uniform in its logarithm; after ten
  /// that do not fit, the largest crop in the middle whose aspect ratio is allowed.
  private static func sampleCrop(
    _ configuration: AugmentationConfiguration, width: Int, height: Int, using generator: inout PhiloxGenerator
  ) -> CropRectangle {
    let area = Double(width * height)
    let scales = configuration.cropScaleMinimum...configuration.cropScaleMaximum
    let ratios = configuration.cropAspectRatioMinimum...configuration.cropAspectRatioMaximum
    for _ in 0..<10 {
      let cropArea = area * generator.uniform(in: scales)
      let ratio = exp(generator.uniform(in: log(ratios.lowerBound)...log(ratios.upperBound)))
      let cropWidth = Int((cropArea * ratio).squareRoot().rounded(.toNearestOrEven))
      let cropHeight = Int((cropArea / ratio).squareRoot().rounded(.toNearestOrEven))
      if 1...width ~= cropWidth && 1...height ~= cropHeight {
        return CropRectangle(
          top: generator.integer(below: height - cropHeight + 1), left: generator.integer(below: width - cropWidth + 1),
          height: cropHeight, width: cropWidth)
      }
    }
    let ratio = Double(width) / Double(height)
    var (cropWidth, cropHeight) = (width, height)
    if ratio < ratios.lowerBound {
      cropHeight = max(1, Int((Double(width) / ratios.lowerBound).rounded(.toNearestOrEven)))
    } else if ratio > ratios.upperBound {
      cropWidth = max(1, Int((Double(height) * ratios.upperBound).rounded(.toNearestOrEven)))
    }
    return CropRectangle(
      top: (height - cropHeight) / 2, left: (width - cropWidth) / 2, height: cropHeight, width: cropWidth)
  }
}
