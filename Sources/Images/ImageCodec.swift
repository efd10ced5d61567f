import CImageCodec
import Foundation

/// Whole images of the kinds in `ImageKind`, told apart by their first bytes and never by the file's name. What comes out is
/// always 8-bit RGB in the orientation in which it is stored (EXIF rotation is not applied, as torchvision's image folders
/// do not; TIFF and HEIC are always upright, as with Pillow). `ImageDecoder` decodes parts, turned upright if wanted, without allocating for each image.
public enum ImageCodec {
  /// Decodes an image: a JPEG (baseline or progressive; gray, color or CMYK), a PNG (any depth and kind), or another kind.
  /// Alpha is dropped, 16 bits become 8 with rounding, and of several frames or pages the first is taken.
  ///
  /// - Throws: `ImageError` when there are no bytes, when they are no image, when they are corrupt or end early, when they
  ///   declare more than 100 megapixels, and when the library for this kind is not installed.
  public static func decode(_ bytes: [UInt8]) throws -> PixelImage {
    try bytes.withUnsafeBufferPointer { try decode($0) }
  }

  /// The same for bytes somewhere in memory, turned upright if asked.
  public static func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, appliesExifOrientation: Bool = false
  ) throws -> PixelImage {
    let decoder = ImageDecoder(appliesExifOrientation: appliesExifOrientation)
    let size = try decoder.begin(bytes)
    let whole = try decoder.decode(CropRectangle(top: 0, left: 0, height: size.height, width: size.width))
    let pixels = UnsafeBufferPointer(start: whole.pixels, count: size.height * whole.bytesPerRow)
    return PixelImage(width: size.width, height: size.height, pixels: Array(pixels))
  }

  /// Decodes a file; the errors name it.
  ///
  /// - Throws: `ImageError` when the file cannot be read, and for all that `decode(_:)` refuses.
  public static func decode(contentsOf url: URL) throws -> PixelImage {
    let buffer = ByteBuffer()
    try buffer.read(contentsOf: url.path)
    do {
      return try decode(buffer.bytes)
    } catch let error as ImageError {
      throw error.naming(url.path)
    }
  }

  /// Encodes as baseline JPEG with chroma at half resolution.
  ///
  /// - Parameter quality: 1…100 on libjpeg's scale.
  /// - Throws: `ImageError` when the image is too large for a JPEG (65,500 pixels a side) or memory runs out.
  public static func encodeJPEG(_ image: PixelImage, quality: Int) throws -> [UInt8] {
    precondition(1...100 ~= quality, "encodeJPEG: quality is 1...100, got \(quality)")
    return try encode(image, as: "JPEG") {
      cimagecodec_encode_jpeg(image.pixels, image.width, image.height, Int32(quality), $0, $1, $2)
    }
  }

  /// Encodes as PNG.
  ///
  /// - Throws: `ImageError` when the image is too large for a PNG or memory runs out.
  public static func encodePNG(_ image: PixelImage) throws -> [UInt8] {
    try encode(image, as: "PNG") { cimagecodec_encode_png(image.pixels, image.width, image.height, $0, $1, $2) }
  }

  private static func encode(
    _ image: PixelImage, as format: String,
    with encoder: (
      UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>, UnsafeMutablePointer<CChar>
    ) -> Int32
  ) throws -> [UInt8] {
    var buffer: UnsafeMutablePointer<UInt8>?
    var count = 0
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIMAGECODEC_ERROR_SIZE)) { text in
      let reason = text.baseAddress!
      if encoder(&buffer, &count, reason) != 0 {
        throw ImageError(
          "cannot encode a \(format) of \(image.width) x \(image.height) pixels: \(String(cString: reason))")
      }
    }
    defer { cimagecodec_free(buffer) }
    return Array(UnsafeBufferPointer(start: buffer, count: count))
  }
}
