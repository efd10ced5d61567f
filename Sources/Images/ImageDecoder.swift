import CImageCodec

/// Decodes images, or parts of them, one after another in memory that it keeps from image to image. One for
/// each thread.
public final class ImageDecoder {
  private let decoder: OpaquePointer
  private let appliesExifOrientation: Bool
  private var width = 0
  private var height = 0

  /// - Parameter appliesExifOrientation: whether images that say, in EXIF data, how they lie (orientations 1…8) are turned
  ///   upright; otherwise they are decoded as stored, as torchvision's image folders do. TIFF and HEIC are always turned.
  public convenience init(appliesExifOrientation: Bool = false) {
    self.init(appliesExifOrientation: appliesExifOrientation, usesOnlyLibjpeg: false, usesOptionalLibraries: true)
  }

  /// - Parameter usesOnlyLibjpeg: whether libjpeg decodes every JPEG, to check that what is decoded without it is the same.
  /// - Parameter usesOptionalLibraries: false to behave as where none of them is installed, to check what is said then.
  package init(
    appliesExifOrientation: Bool = false, usesOnlyLibjpeg: Bool = false, usesOptionalLibraries: Bool = true
  ) {
    guard let decoder = cimagecodec_decoder_create() else { fatalError("ImageDecoder: no memory") }
    if usesOnlyLibjpeg { cimagecodec_decoder_use_only_libjpeg(decoder) }
    if !usesOptionalLibraries { cimagecodec_decoder_use_no_optional_library(decoder) }
    self.decoder = decoder
    self.appliesExifOrientation = appliesExifOrientation
  }

  deinit {
    cimagecodec_decoder_destroy(decoder)
  }

  /// Reads the header of an image, whose kind is told by its first bytes and never by a file's name.
  ///
  /// - Parameter bytes: the whole file; it must stay as it is until the last `decode` of this image.
  /// - Returns: the size of the image as it will be decoded, in pixels.
  /// - Throws: `ImageError` when there are no bytes, when they are no image, when the header is corrupt, when the file is
  ///   cut off, when it declares more than 100 megapixels, and when the library for this kind is not installed.
  public func begin(_ bytes: UnsafeBufferPointer<UInt8>) throws -> (width: Int, height: Int) {
    (width, height) = (0, 0)
    try withErrorText {
      cimagecodec_decoder_begin(
        decoder, bytes.baseAddress, bytes.count, appliesExifOrientation ? 1 : 0, &width, &height, $0)
    }
    return (width, height)
  }

  /// The kind of the image that was begun last; nil where that failed.
  public var kind: ImageKind? { ImageKind(cimagecodec_decoder_kind(decoder)) }

  /// Whether the image that was begun last has frames or pages beside the one that is decoded.
  public var hasMore: Bool { cimagecodec_decoder_has_more(decoder) != 0 }

  /// Decodes a part of the image that was begun last, and no more of the file than that takes. It may be called any
  /// number of times for an image.
  ///
  /// Every pixel of `region` equals that of the whole image decoded at the same scale (libjpeg-turbo's islow transform
  /// and fancy upsampling).
  ///
  /// - Parameters:
  ///   - region: what is needed, in pixels of full scale; traps when it is not inside the image. At a smaller scale, every
  ///     scaled pixel that the region touches is decoded.
  ///   - scaleDenominator: 1, 2, 4 or 8; JPEG is scaled down by it within its transform, which is cheaper than decoding
  ///     at full scale and not the same as resizing after. Others are decoded at full scale whatever is asked for.
  /// - Throws: `ImageError` when the data that the region takes are corrupt. After that the image has to be begun anew.
  public func decode(_ region: CropRectangle, scaleDenominator: Int = 1) throws -> DecodedRegion {
    precondition(
      region.left >= 0 && region.top >= 0 && region.width > 0 && region.height > 0
        && region.left + region.width <= width && region.top + region.height <= height,
      "ImageDecoder: \(region) is not inside the image of \(width) x \(height) pixels")
    precondition(
      [1, 2, 4, 8].contains(scaleDenominator), "ImageDecoder: scaleDenominator is 1, 2, 4 or 8, got \(scaleDenominator)"
    )
    var decoded = cimagecodec_region()
    try withErrorText {
      cimagecodec_decoder_decode(
        decoder,
        cimagecodec_rectangle(left: region.left, top: region.top, width: region.width, height: region.height),
        Int32(scaleDenominator), &decoded, $0)
    }
    return DecodedRegion(
      pixels: decoded.pixels, bytesPerRow: decoded.bytes_per_row,
      frame: CropRectangle(
        top: decoded.frame.top, left: decoded.frame.left, height: decoded.frame.height, width: decoded.frame.width),
      scaleDenominator: Int(decoded.scale_denominator), scaledWidth: decoded.scaled_width,
      scaledHeight: decoded.scaled_height)
  }

  /// Calls into the codec; when it fails, throws the line of text that it left.
  private func withErrorText(_ call: (UnsafeMutablePointer<CChar>) -> Int32) throws {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIMAGECODEC_ERROR_SIZE)) { text in
      if call(text.baseAddress!) != 0 {
        throw ImageError(String(cString: text.baseAddress!))
      }
    }
  }
}

/// Pixels of a part of an image, in memory of the decoder; valid until the decoder's next `begin` or `decode`.
public struct DecodedRegion {
  /// Interleaved 8-bit RGB, row by row: `frame.height` rows of `frame.width` pixels.
  public let pixels: UnsafePointer<UInt8>
  /// Bytes from one row to the next, at least `frame.width * 3`.
  public let bytesPerRow: Int
  /// The part of the scaled image that `pixels` holds, in scaled pixels. It covers the region that was asked for and may
  /// be larger; pixels outside that region need not be those of the whole image.
  public let frame: CropRectangle
  /// The scale that was used: 1, 2, 4 or 8.
  public let scaleDenominator: Int
  /// Columns of the whole image at that scale: its width divided by the denominator, rounded up.
  public let scaledWidth: Int
  /// Rows of the whole image at that scale.
  public let scaledHeight: Int
}
