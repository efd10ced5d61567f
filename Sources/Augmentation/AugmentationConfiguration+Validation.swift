extension AugmentationConfiguration {
  /// Checks that every value is one that views can be made with.
  ///
  /// - Throws: `AugmentationError` that names the first key that is wrong, as it is written in the configuration file.
  public func validate() throws {
    try check("augmentation") {
      try validateView()
      try require(
        mean.count == 3 && mean.allSatisfy(\.isFinite), "mean", "three numbers, for red, green and blue", mean)
      try require(
        standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 && $0.isFinite }, "standard_deviation",
        "three numbers above 0, for red, green and blue", standardDeviation)
      try require(
        ["loader", "cpu", "cuda"].contains(device)
          || device.hasPrefix("cuda:") && Int(device.dropFirst("cuda:".count)).map { $0 >= 0 } == true,
        "device", "loader, cpu, cuda or cuda:N", device)
    }
    try check("augmentation.second_view") { try secondView.applied(to: self).validateView() }
    try check("augmentation.local_views") {
      try require(0...1000 ~= localViews.count, "count", "0 (none) or a few", localViews.count)
      try localView.validateView()
    }
  }

  /// Checks what concerns one kind of view.
  private func validateView() throws {
    try require(imageSize >= 1, "image_size", "an integer of at least 1", imageSize)
    try requireRange(
      cropScaleMinimum, "crop_scale_minimum", cropScaleMaximum, "crop_scale_maximum", atMost: 1,
      text: "a number above 0 and up to 1")
    try requireRange(
      cropAspectRatioMinimum, "crop_aspect_ratio_minimum", cropAspectRatioMaximum, "crop_aspect_ratio_maximum")
    try requireProbability(flipProbability, "flip_probability")
    try requireProbability(verticalFlipProbability, "vertical_flip_probability")
    try requireProbability(quarterTurnProbability, "quarter_turn_probability")
    try requireProbability(rotationProbability, "rotation_probability")
    try require(0...180 ~= rotationDegrees, "rotation_degrees", "a number in 0…180", rotationDegrees)
    try requireProbability(equalizeProbability, "equalize_probability")
    try requireProbability(posterizeProbability, "posterize_probability")
    try require(
      Int(exactly: posterizeBits).map { 1...8 ~= $0 } == true, "posterize_bits", "a whole number in 1…8", posterizeBits)
    try requireProbability(sharpnessProbability, "sharpness_probability")
    try require(
      sharpnessFactor >= 0 && sharpnessFactor.isFinite, "sharpness_factor", "a number of at least 0", sharpnessFactor)
    try requireProbability(jitterProbability, "jitter_probability")
    let jitters = [
      (jitterStrength, "jitter_strength"), (jitterBrightness, "jitter_brightness"),
      (jitterContrast, "jitter_contrast"), (jitterSaturation, "jitter_saturation"), (jitterHue, "jitter_hue"),
    ]
    for (value, key) in jitters {
      try require(value >= 0 && value.isFinite, key, "a number of at least 0", value)
    }
    try require(
      jitterHue * jitterStrength <= 0.5, "jitter_hue", "at most 0.5 after multiplying by jitter_strength",
      jitterHue * jitterStrength)
    try requireProbability(grayscaleProbability, "grayscale_probability")
    try requireProbability(blurProbability, "blur_probability")
    try require(0...1 ~= blurKernelFraction, "blur_kernel_fraction", "a number in 0…1", blurKernelFraction)
    try requireRange(blurSigmaMinimum, "blur_sigma_minimum", blurSigmaMaximum, "blur_sigma_maximum")
    try requireProbability(solarizeProbability, "solarize_probability")
    try require(0...1 ~= solarizeThreshold, "solarize_threshold", "a number in 0…1", solarizeThreshold)
    try requireProbability(erasingProbability, "erasing_probability")
    try requireRange(
      erasingScaleMinimum, "erasing_scale_minimum", erasingScaleMaximum, "erasing_scale_maximum", atMost: 1,
      text: "a number above 0 and up to 1")
    try requireRange(
      erasingAspectRatioMinimum, "erasing_aspect_ratio_minimum", erasingAspectRatioMaximum,
      "erasing_aspect_ratio_maximum")
  }

  /// Puts the section before the keys that messages name.
  private func check(_ section: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as AugmentationError {
      throw AugmentationError("\(section).\(error.description)")
    }
  }

  private func require(_ holds: Bool, _ key: String, _ expected: String, _ value: Any) throws {
    if !holds {
      throw AugmentationError("\(key): expected \(expected), got \(value)")
    }
  }

  private func requireProbability(_ value: Double, _ key: String) throws {
    try require(0...1 ~= value, key, "a number in 0…1", value)
  }

  private func requireRange(
    _ minimum: Double, _ minimumKey: String, _ maximum: Double, _ maximumKey: String,
    atMost limit: Double = .greatestFiniteMagnitude, text: String = "a number above 0"
  ) throws {
    try require(minimum > 0 && minimum <= limit, minimumKey, text, minimum)
    try require(maximum > 0 && maximum <= limit, maximumKey, text, maximum)
    try require(minimum <= maximum, maximumKey, "at least \(minimumKey), which is \(minimum)", maximum)
  }
}
