import Images

/// Makes views in memory that it keeps: crop and flip, color jitter, gray, blur, solarize. Each thread has its own.
package final class ViewRenderer {
  /// The view last made.
  package let planes = PixelPlanes()
  private let resizer = CropResizer()
  private let blur = GaussianBlur()

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
    }
  }

  /// Makes what the view begins as: the crop, resized and flipped.
  package func crop(
    _ parameters: ViewParameters, as configuration: AugmentationConfiguration, of source: CropResizer.Source,
    box: CropResizer.Box, stages: StageTimes? = nil
  ) {
    let size = configuration.imageSize
    stages.measure(\.resize) {
      resizer.resize(
        source, box, width: size, height: size, window: CropRectangle(top: 0, left: 0, height: size, width: size),
        isFlipped: parameters.isFlipped, interpolation: configuration.interpolation, to: planes)
    }
  }
}
