import Images

/// The operations that views are made of, one at a time, for whoever has an image rather than a data set.
extension PixelImage {
  /// Cuts out a part and resizes it, as torchvision's `resized_crop` with `antialias=True`.
  ///
  /// - Parameters:
  ///   - crop: Inside the image.
  ///   - width: Columns of the result, at least 1.
  ///   - height: Rows of the result, at least 1.
  public func resizedCrop(
    _ crop: CropRectangle, width: Int, height: Int, interpolation: Interpolation = .bilinear
  ) -> PixelImage {
    resizedCrop(
      crop, width: width, height: height, window: CropRectangle(top: 0, left: 0, height: height, width: width),
      interpolation: interpolation)
  }

  /// Resizes the whole image, as torchvision's `resize` with `antialias=True`.
  public func resized(width: Int, height: Int, interpolation: Interpolation = .bilinear) -> PixelImage {
    resizedCrop(
      CropRectangle(top: 0, left: 0, height: self.height, width: self.width), width: width, height: height,
      interpolation: interpolation)
  }

  /// The part `window` of what `resizedCrop(_:width:height:interpolation:)` gives, without computing the rest.
  func resizedCrop(
    _ crop: CropRectangle, width: Int, height: Int, window: CropRectangle, interpolation: Interpolation
  ) -> PixelImage {
    precondition(
      crop.top >= 0 && crop.left >= 0 && crop.height > 0 && crop.width > 0
        && crop.top + crop.height <= self.height && crop.left + crop.width <= self.width,
      "PixelImage.resizedCrop: \(crop) does not lie in an image of \(self.width) x \(self.height)")
    precondition(width > 0 && height > 0, "PixelImage.resizedCrop: no image of \(width) x \(height)")
    let planes = PixelPlanes()
    pixels.withUnsafeBufferPointer { pixels in
      CropResizer().resize(
        .init(pixels: pixels.baseAddress!, bytesPerRow: self.width * 3), .init(crop), width: width, height: height,
        window: window, interpolation: interpolation, to: planes)
    }
    return planes.image
  }

  /// Mirrors left and right.
  public mutating func flipHorizontally() {
    for row in 0..<height {
      for column in 0..<(width / 2) {
        for channel in 0..<3 {
          pixels.swapAt((row * width + column) * 3 + channel, ((row + 1) * width - 1 - column) * 3 + channel)
        }
      }
    }
  }

  /// Mirrors top and bottom.
  public mutating func flipVertically() {
    withPlanes { $0.flipVertically() }
  }

  /// Turns against the clock by so many quarters; NumPy's and PyTorch's `rot90`.
  public mutating func turn(quarterTurns: Int) {
    withPlanes { PlaneTurner().turn($0, quarterTurns: quarterTurns) }
  }

  /// Turns against the clock about the middle, within its size; torchvision's `rotate` with bilinear interpolation. What
  /// comes from beyond the edge is black.
  public mutating func rotate(degrees: Double) {
    withPlanes { PlaneTurner().rotate($0, degrees: degrees) }
  }

  /// Spreads the levels of each channel until each is about as frequent; torchvision's `equalize`.
  public mutating func equalize() {
    withPlanes { $0.equalize() }
  }

  /// Keeps the upper bits of every sample, 1…8 of them; torchvision's `posterize`.
  public mutating func posterize(bits: Int) {
    withPlanes { $0.posterize(bits: bits) }
  }

  /// Sharpens by a factor above 1 or blurs by one from 0 to 1; torchvision's `adjust_sharpness`.
  public mutating func adjustSharpness(by factor: Double) {
    withPlanes { Sharpener().adjust($0, by: factor) }
  }

  /// Gives a part one color; torchvision's `erase`.
  ///
  /// - Parameters:
  ///   - part: Inside the image.
  ///   - levels: Of red, green and blue.
  public mutating func erase(_ part: CropRectangle, levels: [UInt8]) {
    withPlanes { $0.erase(part, levels: levels) }
  }

  /// Applies one step of color jitter: torchvision's `adjust_brightness`, `adjust_contrast` or `adjust_saturation` by a
  /// factor of at least 0, or `adjust_hue` by −0.5…0.5 of a turn.
  public mutating func adjust(_ adjustment: ColorAdjustment) {
    withPlanes { $0.adjust(adjustment) }
  }

  /// Gives all three channels the gray level of the pixel: 0.2989 R + 0.587 G + 0.114 B; torchvision's
  /// `rgb_to_grayscale` with three channels.
  public mutating func convertToGrayscale() {
    withPlanes { $0.convertToGrayscale() }
  }

  /// Inverts every sample that is not below the threshold; torchvision's `solarize`.
  ///
  /// - Parameter threshold: In levels, 0…255; 256 and more changes nothing.
  public mutating func solarize(threshold: Double) {
    withPlanes { $0.solarize(threshold: threshold) }
  }

  /// Blurs with a Gaussian of the given width, cut off at the kernel's edge and scaled to a sum of 1; the image is
  /// mirrored beyond its border without repeating the border. torchvision's `gaussian_blur`; rounded once at the end.
  ///
  /// - Parameters:
  ///   - kernelSize: Odd; half of it, rounded down, is less than either side of the image.
  ///   - sigma: Standard deviation in pixels, above 0.
  public mutating func gaussianBlur(kernelSize: Int, sigma: Double) {
    withPlanes { GaussianBlur().apply(to: $0, kernelSize: kernelSize, sigma: sigma) }
  }

  private mutating func withPlanes(_ change: (PixelPlanes) -> Void) {
    let planes = PixelPlanes()
    planes.copy(from: self)
    change(planes)
    self = planes.image
  }
}

extension CropResizer.Box {
  /// A part made of whole pixels.
  init(_ crop: CropRectangle) {
    self.init(
      top: Double(crop.top), left: Double(crop.left), height: Double(crop.height), width: Double(crop.width))
  }
}
