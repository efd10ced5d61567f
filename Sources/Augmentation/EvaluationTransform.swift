import Images

/// What an image goes through before its features are measured: nothing random.
///
/// The short side is resized to `imageSize` · 256 / 224 (rounded) and the middle cut out, as torchvision's `Resize` and
/// `CenterCrop`; an image that already has the right size is left as it is.
public struct EvaluationTransform: Sendable {
  /// Side of the result in pixels.
  public let imageSize: Int
  private let interpolation: Interpolation
  private let normalization: PixelNormalization

  /// Takes the image size, interpolation, mean and standard deviation of the augmentation section. Traps on a configuration that
  /// `AugmentationConfiguration.validate()` refuses.
  public init(_ configuration: AugmentationConfiguration) {
    do {
      try configuration.validate()
    } catch {
      preconditionFailure("EvaluationTransform: \(error)")
    }
    imageSize = configuration.imageSize
    interpolation = configuration.interpolation
    normalization = configuration.normalization
  }

  /// The image at `imageSize` × `imageSize` pixels.
  public func callAsFunction(_ image: PixelImage) -> PixelImage {
    if image.width == imageSize && image.height == imageSize {
      return image
    }
    let shortSide = Int((Double(imageSize) * 256 / 224).rounded(.toNearestOrEven))
    let sourceSide = min(image.width, image.height)
    let (width, height) = (shortSide * image.width / sourceSide, shortSide * image.height / sourceSide)
    // Only the middle is computed: a long strip would otherwise grow to a size beyond all memory.
    let window = CropRectangle(
      top: Int((Double(height - imageSize) / 2).rounded(.toNearestOrEven)),
      left: Int((Double(width - imageSize) / 2).rounded(.toNearestOrEven)), height: imageSize, width: imageSize)
    let whole = CropRectangle(top: 0, left: 0, height: image.height, width: image.width)
    return image.resizedCrop(whole, width: width, height: height, window: window, interpolation: interpolation)
  }

  /// Writes an image as normalized planes `[3, height, width]`.
  ///
  /// - Parameter destination: Room for exactly `3 * height * width` floats, initialized or not.
  public func write(normalized image: PixelImage, to destination: UnsafeMutableBufferPointer<Float>) {
    normalization.write(image, to: destination)
  }
}
