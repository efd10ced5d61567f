import Foundation
import Images
import Randomness

extension AugmentationConfiguration {
  /// Whether views are changed in any way that SimCLR's recipe does not know.
  var hasMore: Bool {
    [
      verticalFlipProbability, quarterTurnProbability, rotationProbability, equalizeProbability, posterizeProbability,
      sharpnessProbability, erasingProbability,
    ].contains { $0 > 0 }
  }
}

extension ViewParameters {
  /// Draws what SimCLR's recipe does not know: turns, levels, sharpness and what is erased.
  ///
  /// As many numbers are drawn whatever the probabilities are, so that none of them changes what the others give.
  mutating func sampleMore(_ configuration: AugmentationConfiguration, using generator: inout PhiloxGenerator) {
    isFlippedVertically = generator.chance(configuration.verticalFlipProbability)
    let isTurned = generator.chance(configuration.quarterTurnProbability)
    let turns = 1 + generator.integer(below: 3)
    quarterTurns = isTurned ? turns : 0
    let isRotated = generator.chance(configuration.rotationProbability)
    let degrees = generator.uniform(in: -configuration.rotationDegrees...configuration.rotationDegrees)
    rotation = isRotated && degrees != 0 ? degrees : nil
    isEqualized = generator.chance(configuration.equalizeProbability)
    isPosterized = generator.chance(configuration.posterizeProbability)
    isSharpened = generator.chance(configuration.sharpnessProbability)
    // Last, since it takes as many numbers as it takes tries.
    erased =
      generator.chance(configuration.erasingProbability) ? Self.sampleErased(configuration, using: &generator) : nil
  }

  /// torchvision's `RandomErasing`: a share of the area and an aspect ratio, uniform in its logarithm; nothing is erased
  /// after ten that are not smaller than the view.
  private static func sampleErased(
    _ configuration: AugmentationConfiguration, using generator: inout PhiloxGenerator
  ) -> CropRectangle? {
    let side = configuration.imageSize
    let scales = configuration.erasingScaleMinimum...configuration.erasingScaleMaximum
    let ratios = configuration.erasingAspectRatioMinimum...configuration.erasingAspectRatioMaximum
    for _ in 0..<10 {
      let area = Double(side * side) * generator.uniform(in: scales)
      let ratio = exp(generator.uniform(in: log(ratios.lowerBound)...log(ratios.upperBound)))
      let height = Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
      let width = Int((area / ratio).squareRoot().rounded(.toNearestOrEven))
      if height < side && width < side {
        return CropRectangle(
          top: generator.integer(below: side - height + 1), left: generator.integer(below: side - width + 1),
          height: height, width: width)
      }
    }
    return nil
  }
}
