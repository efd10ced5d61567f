/// Values of other keys that suit a kind of images. A preset sets those keys and does nothing else; whoever sets a key too
/// gets that value.
public enum AugmentationPreset: String, CaseIterable, Codable, Sendable {
  /// Photographs: SimCLR's values, the defaults (arXiv 2002.05709, appendix A).
  case natural
  /// Scans and X-rays: what lies where and how bright it is has a meaning, colors have none. Large crops, no gray, no hue
  /// or saturation, mild brightness and contrast, small rotations.
  case medical
  /// Pictures from above: no side is up. Flips both ways, quarter turns, mild colors, crops that keep the ground's scale.
  case aerial

  /// The same configuration with the values that this preset sets.
  func applied(to configuration: AugmentationConfiguration) -> AugmentationConfiguration {
    var result = configuration
    result.preset = self
    for (setting, values) in Self.settings { result[keyPath: setting] = values[self] ?? values[.natural]! }
    return result
  }

  /// All keys that any preset sets; a preset that does not set one sets SimCLR's value, so that one preset after another
  /// is as if the first had never been.
  private static var settings: [(WritableKeyPath<AugmentationConfiguration, Double>, [AugmentationPreset: Double])] {
    let natural = AugmentationConfiguration()
    func setting(
      _ path: WritableKeyPath<AugmentationConfiguration, Double>, _ values: [AugmentationPreset: Double]
    ) -> (WritableKeyPath<AugmentationConfiguration, Double>, [AugmentationPreset: Double]) {
      (path, values.merging([.natural: natural[keyPath: path]]) { own, _ in own })
    }
    return [
      setting(\.cropScaleMinimum, [.medical: 0.3, .aerial: 0.2]),
      setting(\.verticalFlipProbability, [.aerial: 0.5]),
      setting(\.quarterTurnProbability, [.aerial: 0.75]),
      setting(\.rotationProbability, [.medical: 0.5]),
      setting(\.rotationDegrees, [.medical: 15]),
      setting(\.jitterBrightness, [.medical: 0.4, .aerial: 0.4]),
      setting(\.jitterContrast, [.medical: 0.4, .aerial: 0.4]),
      setting(\.jitterSaturation, [.medical: 0, .aerial: 0.2]),
      setting(\.jitterHue, [.medical: 0, .aerial: 0.05]),
      setting(\.grayscaleProbability, [.medical: 0, .aerial: 0.1]),
    ]
  }
}
