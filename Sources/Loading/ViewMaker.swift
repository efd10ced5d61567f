import Augmentation
import Images

/// Makes all views of images, or only the crops they begin as, one image after another, for one thread.
final class ViewMaker {
  private let augmenter: ViewAugmenter
  private let imageSizes: [Int]
  private let source: ImageSource
  private let renderer = ViewRenderer()
  private let onlyCrops: Bool

  init(_ augmenter: ViewAugmenter, source: ImageSource, onlyCrops: Bool) {
    self.onlyCrops = onlyCrops
    self.augmenter = augmenter
    self.source = source
    imageSizes = augmenter.views.map(\.imageSize)
  }

  /// Makes the views of an image.
  ///
  /// - Parameters:
  ///   - index: The image in the data set.
  ///   - sample: Whose random numbers are used.
  ///   - write: Takes each view, with its number and its parameters.
  /// - Throws: `LoadingError` that names the image when it cannot be read or decoded; then no view was written.
  func makeViews(of index: Int, epoch: Int, sample: Int, write: (PixelPlanes, Int, ViewParameters) -> Void) throws {
    try source.withPixels(
      at: index, imageSizes: imageSizes,
      crops: { width, height in
        let parameters = augmenter.views.indices.map { view in
          augmenter.parameters(width: width, height: height, epoch: epoch, sample: sample, view: view)
        }
        return (parameters.map(\.crop), parameters)
      },
      { pixels, parameters in
        for (view, parameters) in parameters.enumerated() {
          let (settings, box) = (augmenter.views[view], pixels.box(of: parameters.crop))
          if onlyCrops {
            renderer.crop(parameters, as: settings, of: pixels.source, box: box, stages: source.stages)
          } else {
            renderer.render(parameters, as: settings, of: pixels.source, box: box, stages: source.stages)
          }
          source.stages.measure(\.tensor) { write(renderer.planes, view, parameters) }
        }
      })
  }
}
