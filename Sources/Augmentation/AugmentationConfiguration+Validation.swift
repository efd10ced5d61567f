import Torch

extension AugmentationConfiguration {
  /// Checks that every value is one that views can be made with.
  ///
  /// - Throws: `AugmentationError` that names the first property that is wrong.
  public func validate() throws {
    try validateView()
    try require(
      mean.count == 3 && mean.allSatisfy(\.isFinite), "mean", "three numbers, for red, green and blue", mean)
    try require(
      standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 && $0.isFinite }, "standardDeviation",
      "three numbers above 0, for red, green and blue", standardDeviation)
    try require(
      device == "loader" || (Device.Name(device) ?? .auto) != .auto, "device", "loader, cpu, cuda or cuda:N", device)
    try check("secondView") { try secondView.applied(to: self).validateView() }
    try check("localViews") {
      try require(0...1000 ~= localViews.count, "count", "0 (none) or a few", localViews.count)
      try localView.validateView()
    }
  }

  /// Checks what concerns one kind of view.
  private func validateView() throws {
    try require(imageSize >= 1, "imageSize", "an integer of at least 1", imageSize)
    try requireRange(
      cropScaleMinimum, "cropScaleMinimum", cropScaleMaximum, "cropScaleMaximum", atMost: 1,
      text: "a number above 0 and up to 1")
    try requireRange(
      cropAspectRatioMinimum, "cropAspectRatioMinimum", cropAspectRatioMaximum, "cropAspectRatioMaximum")
    try requireProbability(flipProbability, "flipProbability")
    try requireProbability(verticalFlipProbability, "verticalFlipProbability")
    try requireProbability(quarterTurnProbability, "quarterTurnProbability")
    try requireProbability(rotationProbability, "rotationProbability")
    try require(0...180 ~= rotationDegrees, "rotationDegrees", "a number in 0…180", rotationDegrees)
    try requireProbability(equalizeProbability, "equalizeProbability")
    try requireProbability(posterizeProbability, "posterizeProbability")
    try require(
      Int(exactly: posterizeBits).map { 1...8 ~= $0 } == true, "posterizeBits", "a whole number in 1…8", posterizeBits)
    try requireProbability(sharpnessProbability, "sharpnessProbability")
    try require(
      sharpnessFactor >= 0 && sharpnessFactor.isFinite, "sharpnessFactor", "a number of at least 0", sharpnessFactor)
    try requireProbability(jitterProbability, "jitterProbability")
    let jitters = [
      (jitterStrength, "jitterStrength"), (jitterBrightness, "jitterBrightness"),
      (jitterContrast, "jitterContrast"), (jitterSaturation, "jitterSaturation"), (jitterHue, "jitterHue"),
    ]
    for (value, key) in jitters {
      try require(value >= 0 && value.isFinite, key, "a number of at least 0", value)
    }
    try require(
      jitterHue * jitterStrength <= 0.5, "jitterHue", "at most 0.5 after multiplying by jitterStrength",
      jitterHue * jitterStrength)
    try requireProbability(grayscaleProbability, "grayscaleProbability")
    try requireProbability(blurProbability, "blurProbability")
    try require(0...1 ~= blurKernelFraction, "blurKernelFraction", "a number in 0…1", blurKernelFraction)
    try requireRange(blurSigmaMinimum, "blurSigmaMinimum", blurSigmaMaximum, "blurSigmaMaximum")
    try requireProbability(solarizeProbability, "solarizeProbability")
    try require(0...1 ~= solarizeThreshold, "solarizeThreshold", "a number in 0…1", solarizeThreshold)
    try requireProbability(erasingProbability, "erasingProbability")
    try requireRange(
      erasingScaleMinimum, "erasingScaleMinimum", erasingScaleMaximum, "erasingScaleMaximum", atMost: 1,
      text: "a number above 0 and up to 1")
    try requireRange(
      erasingAspectRatioMinimum, "erasingAspectRatioMinimum", erasingAspectRatioMaximum,
      "erasingAspectRatioMaximum")
  }

  /// Puts the kind of view before the properties that messages name.
  private func check(_ view: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as AugmentationError {
      throw AugmentationError(
        "\(view).\(error.explanation.problem)", expected: error.explanation.expected ?? "", got: error.explanation.got)
    }
  }

  private func require(_ holds: Bool, _ property: String, _ expected: String, _ value: Any) throws {
    if !holds { throw AugmentationError("\(property)", expected: "\(expected)", got: "\(value)") }
  }

  private func requireProbability(_ value: Double, _ property: String) throws {
    try require(0...1 ~= value, property, "a number in 0…1", value)
  }

  private func requireRange(
    _ minimum: Double, _ minimumName: String, _ maximum: Double, _ maximumName: String,
    atMost limit: Double = .greatestFiniteMagnitude, text: String = "a number above 0"
  ) throws {
    try require(minimum > 0 && minimum <= limit, minimumName, text, minimum)
    try require(maximum > 0 && maximum <= limit, maximumName, text, maximum)
    try require(minimum <= maximum, maximumName, "at least \(minimumName), which is \(minimum)", maximum)
  }
}
