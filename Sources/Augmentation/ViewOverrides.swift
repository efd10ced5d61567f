/// Settings of `augmentation` that some of the views have for themselves; one that is absent (`nil`, left out in files)
/// is as for the first view.
///
/// Section `augmentation.second_view` of the configuration is one of these. BYOL's recipe (arXiv 2006.07733, appendix B)
/// needs two: `blur_probability: 0.1` and `solarize_probability: 0.2`.
public struct ViewOverrides: Codable, Sendable, Equatable {
  public var cropScaleMinimum: Double?
  public var cropScaleMaximum: Double?
  public var cropAspectRatioMinimum: Double?
  public var cropAspectRatioMaximum: Double?
  public var flipProbability: Double?
  public var verticalFlipProbability: Double?
  public var quarterTurnProbability: Double?
  public var rotationProbability: Double?
  public var rotationDegrees: Double?
  public var equalizeProbability: Double?
  public var posterizeProbability: Double?
  public var posterizeBits: Double?
  public var sharpnessProbability: Double?
  public var sharpnessFactor: Double?
  public var jitterProbability: Double?
  public var jitterStrength: Double?
  public var jitterBrightness: Double?
  public var jitterContrast: Double?
  public var jitterSaturation: Double?
  public var jitterHue: Double?
  public var grayscaleProbability: Double?
  public var blurProbability: Double?
  public var blurKernelFraction: Double?
  public var blurSigmaMinimum: Double?
  public var blurSigmaMaximum: Double?
  public var solarizeProbability: Double?
  public var solarizeThreshold: Double?
  public var erasingProbability: Double?
  public var erasingScaleMinimum: Double?
  public var erasingScaleMaximum: Double?
  public var erasingAspectRatioMinimum: Double?
  public var erasingAspectRatioMaximum: Double?

  /// Nothing of its own.
  public init() {}

  /// Everything of its own, with the values of a configuration.
  public init(everythingOf configuration: AugmentationConfiguration) {
    for (override, setting) in Self.settings { self[keyPath: override] = configuration[keyPath: setting] }
  }

  /// The configuration with these settings in place of its own.
  public func applied(to configuration: AugmentationConfiguration) -> AugmentationConfiguration {
    var result = configuration
    for (override, setting) in Self.settings {
      if let value = self[keyPath: override] { result[keyPath: setting] = value }
    }
    return result
  }

  /// Which setting each of these stands for.
  private static var settings: [(WritableKeyPath<Self, Double?>, WritableKeyPath<AugmentationConfiguration, Double>)] {
    [
      (\.cropScaleMinimum, \.cropScaleMinimum), (\.cropScaleMaximum, \.cropScaleMaximum),
      (\.cropAspectRatioMinimum, \.cropAspectRatioMinimum), (\.cropAspectRatioMaximum, \.cropAspectRatioMaximum),
      (\.flipProbability, \.flipProbability), (\.verticalFlipProbability, \.verticalFlipProbability),
      (\.quarterTurnProbability, \.quarterTurnProbability), (\.rotationProbability, \.rotationProbability),
      (\.rotationDegrees, \.rotationDegrees), (\.equalizeProbability, \.equalizeProbability),
      (\.posterizeProbability, \.posterizeProbability), (\.posterizeBits, \.posterizeBits),
      (\.sharpnessProbability, \.sharpnessProbability), (\.sharpnessFactor, \.sharpnessFactor),
      (\.jitterProbability, \.jitterProbability),
      (\.jitterStrength, \.jitterStrength), (\.jitterBrightness, \.jitterBrightness),
      (\.jitterContrast, \.jitterContrast), (\.jitterSaturation, \.jitterSaturation), (\.jitterHue, \.jitterHue),
      (\.grayscaleProbability, \.grayscaleProbability), (\.blurProbability, \.blurProbability),
      (\.blurKernelFraction, \.blurKernelFraction), (\.blurSigmaMinimum, \.blurSigmaMinimum),
      (\.blurSigmaMaximum, \.blurSigmaMaximum), (\.solarizeProbability, \.solarizeProbability),
      (\.solarizeThreshold, \.solarizeThreshold), (\.erasingProbability, \.erasingProbability),
      (\.erasingScaleMinimum, \.erasingScaleMinimum), (\.erasingScaleMaximum, \.erasingScaleMaximum),
      (\.erasingAspectRatioMinimum, \.erasingAspectRatioMinimum),
      (\.erasingAspectRatioMaximum, \.erasingAspectRatioMaximum),
    ]
  }
}

/// Section `augmentation.local_views`: small views of small parts, which come after the two large ones (the multi-crop
/// of SwAV, arXiv 2006.09882, section 3.2). In files, its overrides stand beside `count` and `image_size`.
public struct LocalViewsConfiguration: Codable, Sendable, Equatable {
  /// How many of every image; 0: none.
  public var count = 0
  /// Their side in pixels.
  public var imageSize = 96
  /// What they have for themselves: at first crops of 0.05…0.14 of the image's area, as in SwAV.
  public var overrides = ViewOverrides()

  /// SwAV's sizes, and none of them.
  public init() {
    overrides.cropScaleMinimum = 0.05
    overrides.cropScaleMaximum = 0.14
  }

  private enum CodingKeys: CodingKey {
    case count, imageSize
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    count = try values.decode(Int.self, forKey: .count)
    imageSize = try values.decode(Int.self, forKey: .imageSize)
    overrides = try ViewOverrides(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(count, forKey: .count)
    try values.encode(imageSize, forKey: .imageSize)
    try overrides.encode(to: encoder)
  }
}

extension AugmentationConfiguration {
  /// The settings of each view of an image, valid ones: the first, the second, then the local ones.
  public var views: [AugmentationConfiguration] {
    [firstView, secondView.applied(to: firstView)] + Array(repeating: localView, count: localViews.count)
  }

  /// How many of the views are global ones: the first and the second.
  public static let globalViewCount = 2

  private var firstView: AugmentationConfiguration {
    var result = self
    (result.secondView, result.localViews) = (ViewOverrides(), LocalViewsConfiguration())
    return result
  }

  /// What all local views are made with.
  var localView: AugmentationConfiguration {
    var result = localViews.overrides.applied(to: firstView)
    result.imageSize = localViews.imageSize
    return result
  }
}
