import Images

/// Makes views in memory that it keeps, in the order of `ViewAugmenter`. Each thread has its own.
package final class ViewRenderer {
  /// The view last made.
  package let planes = PixelPlanes()
  private let resizer = CropResizer()
  private let blur = GaussianBlur()
  private let turner = PlaneTurner()
  private let sharpener = Sharpener()

  package init() {}

  /// Makes the view that the parameters describe.
  ///
  /// - Parameters:
  ///   - configuration: The settings of that view, for what is not random.
  ///   - box: Where the parameters' crop lies in `source`.
  ///   - stages: Told how long each stage took, where somebody asks.
  package func render(
    _ parameters: ViewParameters, as configuration: AugmentationConfiguration, of source: CropResizer.Source,
    box: CropResizer.Box, stages: StageTimes? = nil
  ) {
    crop(parameters, as: configuration, of: source, box: box, stages: stages)
    stages.measure(\.color) {
      for adjustment in parameters.colorAdjustments { planes.adjust(adjustment) }
      if parameters.isGrayscale { planes.convertToGrayscale() }
    }
    stages.measure(\.blur) {
      if let sigma = parameters.blurSigma {
        blur.apply(to: planes, kernelSize: configuration.blurKernelSize, sigma: sigma)
      }
    }
    stages.measure(\.color) {
      if parameters.isSolarized { planes.solarize(threshold: configuration.solarizeThreshold * 255) }
      if let part = parameters.erased { planes.erase(part, levels: configuration.erasedLevels) }
    }
  }

  /// Makes what the view begins as: the crop, resized, flipped and turned, with its levels and edges changed.
  package func crop(
    _ parameters: ViewParameters, as configuration: AugmentationConfiguration, of source: CropResizer.Source,
    box: CropResizer.Box, stages: StageTimes? = nil
  ) {
    let size = configuration.imageSize
    stages.measure(\.resize) {
      resizer.resize(
        source, box, width: size, height: size, window: CropRectangle(top: 0, left: 0, height: size, width: size),
        isFlipped: parameters.isFlipped, interpolation: configuration.interpolation, to: planes)
      if parameters.isFlippedVertically { planes.flipVertically() }
      if parameters.quarterTurns > 0 { turner.turn(planes, quarterTurns: parameters.quarterTurns) }
      if let degrees = parameters.rotation { turner.rotate(planes, degrees: degrees) }
    }
    stages.measure(\.color) {
      if parameters.isEqualized { planes.equalize() }
      if parameters.isPosterized { planes.posterize(bits: Int(configuration.posterizeBits)) }
      if parameters.isSharpened { sharpener.adjust(planes, by: configuration.sharpnessFactor) }
    }
  }
}
