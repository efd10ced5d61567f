import Images
import Randomness

/// Makes random views of images: crop, flip, color jitter, gray, blur, solarize, in this order (SimCLR,
/// arXiv 2002.05709, appendix A). What else a recipe may ask for comes before the colors (vertical flip, quarter turns,
/// rotation, equalize, posterize, sharpness) and at the end (erasing).
///
/// A view depends on the seed, the epoch, the sample and the number of the view, and on nothing else, so that any
/// number of threads and processes makes the same ones.
public struct ViewAugmenter: Sendable {
  /// How views are made.
  public let configuration: AugmentationConfiguration
  /// The settings of each view: `configuration.views`.
  public let views: [AugmentationConfiguration]
  /// The seed of the run.
  public let seed: UInt64
  package let normalization: PixelNormalization

  /// What is drawn for operations beyond SimCLR's has a sequence of its own: with or without them, crops and colors are
  /// the same.
  private static let streamOfMore: UInt32 = 1 << 16

  /// Traps on a configuration that `AugmentationConfiguration.validate()` refuses.
  public init(_ configuration: AugmentationConfiguration, seed: UInt64) {
    self.init(configuration, views: { $0.views }, seed: seed)
  }

  /// Makes only the first view of each image. Traps as ``init(_:seed:)``.
  public init(firstViewOf configuration: AugmentationConfiguration, seed: UInt64) {
    self.init(configuration, views: { [$0.views[0]] }, seed: seed)
  }

  private init(
    _ configuration: AugmentationConfiguration,
    views: (AugmentationConfiguration) -> [AugmentationConfiguration], seed: UInt64
  ) {
    do {
      try configuration.validate()
    } catch {
      preconditionFailure("ViewAugmenter: \(error)")
    }
    self.configuration = configuration
    self.seed = seed
    self.views = views(configuration)
    normalization = configuration.normalization
  }

  /// A random view, square, of the size that its settings say.
  ///
  /// - Parameters:
  ///   - image: Of any size.
  ///   - epoch: From 0.
  ///   - sample: The image's index in the data set.
  ///   - view: Tells the views of one image in one epoch apart: an index of `views`.
  public func view(of image: PixelImage, epoch: Int, sample: Int, view: Int) -> PixelImage {
    let parameters = parameters(
      width: image.width, height: image.height, epoch: epoch, sample: sample, view: view)
    return apply(parameters, to: image, view: view)
  }

  /// What is random about a view of an image of the given size.
  public func parameters(width: Int, height: Int, epoch: Int, sample: Int, view: Int) -> ViewParameters {
    var generator = PhiloxGenerator(seed: seed, epoch: epoch, sample: sample, stream: UInt32(view))
    var parameters = ViewParameters(sampling: views[view], width: width, height: height, using: &generator)
    if views[view].hasMore {
      var generator = PhiloxGenerator(
        seed: seed, epoch: epoch, sample: sample, stream: Self.streamOfMore | UInt32(view))
      parameters.sampleMore(views[view], using: &generator)
    }
    return parameters
  }

  /// The view that the parameters describe.
  ///
  /// - Parameter view: An index of `views`, for what is not random: size, kernel and threshold.
  public func apply(_ parameters: ViewParameters, to image: PixelImage, view: Int = 0) -> PixelImage {
    rendered(parameters, of: image) { renderer, source, box in
      renderer.render(parameters, as: views[view], of: source, box: box)
    }
  }

  /// The part of the image that becomes the view, with all that is done to it before its colors change: what
  /// `BatchAugmenter` starts from.
  public func crop(_ parameters: ViewParameters, of image: PixelImage, view: Int) -> PixelImage {
    rendered(parameters, of: image) { renderer, source, box in
      renderer.crop(parameters, as: views[view], of: source, box: box)
    }
  }

  private func rendered(
    _ parameters: ViewParameters, of image: PixelImage,
    _ render: (ViewRenderer, CropResizer.Source, CropResizer.Box) -> Void
  ) -> PixelImage {
    let renderer = ViewRenderer()
    image.pixels.withUnsafeBufferPointer { pixels in
      let source = CropResizer.Source(pixels: pixels.baseAddress!, bytesPerRow: image.width * 3)
      render(renderer, source, CropResizer.Box(parameters.crop))
    }
    return renderer.planes.image
  }

  /// Writes an image as normalized planes `[3, height, width]`.
  ///
  /// - Parameter destination: Room for exactly `3 * height * width` floats, initialized or not.
  public func write(normalized image: PixelImage, to destination: UnsafeMutableBufferPointer<Float>) {
    normalization.write(image, to: destination)
  }
}
