/// Section `augmentation` of the configuration: how views are made. The defaults are SimCLR's for ImageNet
/// (arXiv 2002.05709, appendix A).
///
/// The settings are those of the first view and, unless overridden, of all others; `views` lists them view by view.
///
/// Sizes of crops are shares of the image's area, sides of the result are pixels, probabilities lie in 0…1.
public struct AugmentationConfiguration: Codable, Sendable, Equatable {
  /// The preset whose values were laid under the others last; to lay those of another, set `presetWithItsValues`.
  public internal(set) var preset = AugmentationPreset.natural

  /// Side of a view in pixels.
  public var imageSize = 224
  /// How crops are resized to it, in training and in evaluation.
  public var interpolation = Interpolation.bilinear

  /// Least share of the image's area that a crop covers.
  public var cropScaleMinimum = 0.08
  /// Greatest share of the image's area that a crop covers.
  public var cropScaleMaximum = 1.0
  /// Least width of a crop over its height.
  public var cropAspectRatioMinimum = 3.0 / 4
  /// Greatest width of a crop over its height.
  public var cropAspectRatioMaximum = 4.0 / 3

  /// Probability of a mirrored view.
  public var flipProbability = 0.5

  /// Probability of a view that is turned upside down, mirrored.
  public var verticalFlipProbability = 0.0
  /// Probability of a view turned by 90, 180 or 270 degrees, each as likely as the others.
  public var quarterTurnProbability = 0.0
  /// Probability of a view turned by an angle within `rotationDegrees`.
  public var rotationProbability = 0.0
  /// Views turn by up to so many degrees to either side; what comes into view beyond the crop's edge is black.
  public var rotationDegrees = 15.0

  /// Probability of a view whose levels are spread until each is about as frequent, channel by channel.
  public var equalizeProbability = 0.0
  /// Probability of a view with fewer levels.
  public var posterizeProbability = 0.0
  /// Bits of a level that posterizing keeps, a whole number in 1…8.
  public var posterizeBits = 4.0
  /// Probability of a view of another sharpness.
  public var sharpnessProbability = 0.0
  /// What sharpness is multiplied by: 0 blurs, 1 changes nothing, more sharpens.
  public var sharpnessFactor = 2.0

  /// Probability that the colors of a view are jittered at all.
  public var jitterProbability = 0.8
  /// Multiplies the four jitters below.
  public var jitterStrength = 1.0
  /// Brightness factors lie within this of 1 (and not below 0).
  public var jitterBrightness = 0.8
  /// Contrast factors lie within this of 1 (and not below 0).
  public var jitterContrast = 0.8
  /// Saturation factors lie within this of 1 (and not below 0).
  public var jitterSaturation = 0.8
  /// Hues turn by up to this much of the color wheel, to either side.
  public var jitterHue = 0.2

  /// Probability of a gray view.
  public var grayscaleProbability = 0.2

  /// Probability of a blurred view.
  public var blurProbability = 0.5
  /// Size of the blur's kernel as a share of the side of the view; the kernel's size is odd.
  public var blurKernelFraction = 0.1
  /// Least standard deviation of the blur in pixels.
  public var blurSigmaMinimum = 0.1
  /// Greatest standard deviation of the blur in pixels.
  public var blurSigmaMaximum = 2.0

  /// Probability of a solarized view.
  public var solarizeProbability = 0.0
  /// Samples from this share of full brightness on are inverted.
  public var solarizeThreshold = 0.5

  /// Probability of a view of which a rectangle is erased.
  public var erasingProbability = 0.0
  /// Least share of the view's area that is erased.
  public var erasingScaleMinimum = 0.02
  /// Greatest share of the view's area that is erased.
  public var erasingScaleMaximum = 0.33
  /// Least height of what is erased over its width.
  public var erasingAspectRatioMinimum = 0.3
  /// Greatest height of what is erased over its width.
  public var erasingAspectRatioMaximum = 3.3

  /// Whether large JPEGs are decoded at a half, a quarter or an eighth of their size where every crop is at least twice
  /// as large as its view even so (Docs/Numerics.md has how far that is from decoding at full size).
  public var dctScaling = true

  /// Means of red, green and blue that are subtracted, on the scale 0…1; the defaults are ImageNet's.
  public var mean = [0.485, 0.456, 0.406]
  /// Standard deviations of red, green and blue that are divided by, on the scale 0…1; the defaults are ImageNet's.
  public var standardDeviation = [0.229, 0.224, 0.225]

  /// What the second view has for itself.
  public var secondView = ViewOverrides()
  /// Small views beside the two large ones.
  public var localViews = LocalViewsConfiguration()

  /// Where colors, blur and the rest after the crop are done: `loader`, by the loader's threads, or in batch on a
  /// device, `cuda`, `cuda:N` or `cpu`, to which crops then go as bytes. The views agree to two levels of 255. `cuda` is
  /// the device that trains, if that is a CUDA device. `cpu` is there to try it without a GPU.
  public var device = "loader"

  /// SimCLR's defaults.
  public init() {}

  /// The preset; to set it sets all that it is made of.
  public var presetWithItsValues: AugmentationPreset {
    get { preset }
    set { self = newValue.applied(to: self) }
  }

  /// Size of the blur's kernel in pixels, odd: `blurKernelFraction` of the side, halved, rounded down, on either side
  /// of the middle.
  public var blurKernelSize: Int {
    // The small term mends products such as 0.29 · 100, which fall just short of a whole number.
    2 * Int(blurKernelFraction * Double(imageSize) / 2 + 1e-6) + 1
  }

  /// The levels of red, green and blue that erasing leaves: the nearest to the mean, 0 after normalization.
  var erasedLevels: [UInt8] { mean.map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) } }

  /// The step from pixels to floats that this section asks for.
  public var normalization: PixelNormalization {
    PixelNormalization(mean: mean, standardDeviation: standardDeviation)
  }
}
