import Augmentation
import Keys

/// A setting that every kind of view can have for itself, declared once for all of them.
struct ViewSetting: Sendable {
  let key: Key<AugmentationConfiguration>
  let path: WritableKeyPath<AugmentationConfiguration, Double> & Sendable
  /// Where a kind of view has the setting for itself.
  let override: WritableKeyPath<ViewOverrides, Double?> & Sendable
  private let domain: Domain<Double>

  private init(
    _ name: String, _ path: WritableKeyPath<AugmentationConfiguration, Double> & Sendable,
    _ override: WritableKeyPath<ViewOverrides, Double?> & Sendable, _ domain: Domain<Double>,
    typedAs synonyms: [String] = [], _ text: String
  ) {
    (self.path, self.override, self.domain) = (path, override, domain)
    key = Key(name, path, domain, typedAs: synonyms, text)
  }

  /// The same setting of some views, left out where they have what the first view has.
  ///
  /// - Parameter views: whose: `The second view's`.
  func key(ofOwn views: String) -> Key<ViewOverrides> {
    Key(key.name, override, domain.optional, typedAs: key.synonyms, "\(views) own `augmentation.\(key.name)`.")
  }

  /// The setting that is kept there.
  static subscript(path: KeyPath<AugmentationConfiguration, Double>) -> ViewSetting { all.first { $0.path == path }! }

  static let all = [
    ViewSetting(
      "crop_scale_minimum", \.cropScaleMinimum, \.cropScaleMinimum, .above(0, to: 1),
      typedAs: ["min_scale", "min_crop"],
      "Least share of the image's area that a crop covers."),
    ViewSetting(
      "crop_scale_maximum", \.cropScaleMaximum, \.cropScaleMaximum, .above(0, to: 1),
      typedAs: ["max_scale", "max_crop"],
      "Greatest share of the image's area that a crop covers."),
    ViewSetting(
      "crop_aspect_ratio_minimum", \.cropAspectRatioMinimum, \.cropAspectRatioMinimum, .above(0),
      "Least width of a crop over its height."),
    ViewSetting(
      "crop_aspect_ratio_maximum", \.cropAspectRatioMaximum, \.cropAspectRatioMaximum, .above(0),
      "Greatest width of a crop over its height."),
    ViewSetting(
      "flip_probability", \.flipProbability, \.flipProbability, .from(0, to: 1), typedAs: ["flip", "hflip"],
      "Probability of a mirrored view."),
    ViewSetting(
      "vertical_flip_probability", \.verticalFlipProbability, \.verticalFlipProbability, .from(0, to: 1),
      typedAs: ["vflip", "vertical_flip"], "Probability of a view that is upside down, mirrored."),
    ViewSetting(
      "quarter_turn_probability", \.quarterTurnProbability, \.quarterTurnProbability, .from(0, to: 1),
      typedAs: ["rot90", "rotate90"],
      "Probability of a view turned by 90, 180 or 270 degrees, each as likely; 0.75 makes all four directions alike."),
    ViewSetting(
      "rotation_probability", \.rotationProbability, \.rotationProbability, .from(0, to: 1), typedAs: ["rotation"],
      "Probability of a view turned by an angle; what comes into view beyond the crop's edge is black."),
    ViewSetting(
      "rotation_degrees", \.rotationDegrees, \.rotationDegrees, .from(0, to: 180), typedAs: ["degrees"],
      "Greatest angle, in degrees, to either side."),
    ViewSetting(
      "equalize_probability", \.equalizeProbability, \.equalizeProbability, .from(0, to: 1), typedAs: ["equalize"],
      "Probability of a view whose levels are spread until each is about as frequent, channel by channel."),
    ViewSetting(
      "posterize_probability", \.posterizeProbability, \.posterizeProbability, .from(0, to: 1),
      typedAs: ["posterize"], "Probability of a view with fewer levels."),
    ViewSetting(
      "posterize_bits", \.posterizeBits, \.posterizeBits, .whole(from: 1, to: 8),
      "Bits of a level that posterizing keeps."),
    ViewSetting(
      "sharpness_probability", \.sharpnessProbability, \.sharpnessProbability, .from(0, to: 1),
      typedAs: ["sharpness"], "Probability of a view of another sharpness."),
    ViewSetting(
      "sharpness_factor", \.sharpnessFactor, \.sharpnessFactor, .atLeast(0),
      "What sharpness is multiplied by: 0 blurs, 1 changes nothing, 2 is twice as sharp."),
    ViewSetting(
      "jitter_probability", \.jitterProbability, \.jitterProbability, .from(0, to: 1), typedAs: ["color_jitter"],
      "Probability that the colors of a view are jittered at all."),
    ViewSetting(
      "jitter_strength", \.jitterStrength, \.jitterStrength, .atLeast(0), "Multiplies the four jitters below."),
    ViewSetting(
      "jitter_brightness", \.jitterBrightness, \.jitterBrightness, .atLeast(0), typedAs: ["brightness"],
      "Brightness factors lie within this of 1 (and not below 0)."),
    ViewSetting(
      "jitter_contrast", \.jitterContrast, \.jitterContrast, .atLeast(0), typedAs: ["contrast"],
      "Contrast factors lie within this of 1 (and not below 0)."),
    ViewSetting(
      "jitter_saturation", \.jitterSaturation, \.jitterSaturation, .atLeast(0), typedAs: ["saturation"],
      "Saturation factors lie within this of 1 (and not below 0)."),
    ViewSetting(
      "jitter_hue", \.jitterHue, \.jitterHue, .atLeast(0), typedAs: ["hue"],
      "Hues turn by up to this much of the color wheel, to either side."),
    ViewSetting(
      "grayscale_probability", \.grayscaleProbability, \.grayscaleProbability, .from(0, to: 1),
      typedAs: ["grayscale", "gray", "grey"], "Probability of a gray view."),
    ViewSetting(
      "blur_probability", \.blurProbability, \.blurProbability, .from(0, to: 1), typedAs: ["blur", "gaussian_blur"],
      "Probability of a blurred view."),
    ViewSetting(
      "blur_kernel_fraction", \.blurKernelFraction, \.blurKernelFraction, .from(0, to: 1), typedAs: ["kernel_size"],
      "Size of the blur's kernel as a share of the side of the view; the kernel's size is odd."),
    ViewSetting(
      "blur_sigma_minimum", \.blurSigmaMinimum, \.blurSigmaMinimum, .above(0),
      "Least standard deviation of the blur in pixels."),
    ViewSetting(
      "blur_sigma_maximum", \.blurSigmaMaximum, \.blurSigmaMaximum, .above(0),
      "Greatest standard deviation of the blur in pixels."),
    ViewSetting(
      "solarize_probability", \.solarizeProbability, \.solarizeProbability, .from(0, to: 1), typedAs: ["solarize"],
      "Probability of a solarized view."),
    ViewSetting(
      "solarize_threshold", \.solarizeThreshold, \.solarizeThreshold, .from(0, to: 1),
      "Samples from this share of full brightness on are inverted."),
    ViewSetting(
      "erasing_probability", \.erasingProbability, \.erasingProbability, .from(0, to: 1),
      typedAs: ["random_erasing", "cutout"],
      "Probability of a view of which a rectangle is erased: it gets the mean color."),
    ViewSetting(
      "erasing_scale_minimum", \.erasingScaleMinimum, \.erasingScaleMinimum, .above(0, to: 1),
      "Least share of the view's area that is erased."),
    ViewSetting(
      "erasing_scale_maximum", \.erasingScaleMaximum, \.erasingScaleMaximum, .above(0, to: 1),
      "Greatest share of the view's area that is erased."),
    ViewSetting(
      "erasing_aspect_ratio_minimum", \.erasingAspectRatioMinimum, \.erasingAspectRatioMinimum, .above(0),
      "Least height of what is erased over its width."),
    ViewSetting(
      "erasing_aspect_ratio_maximum", \.erasingAspectRatioMaximum, \.erasingAspectRatioMaximum, .above(0),
      "Greatest height of what is erased over its width."),
  ]
}
