import CImageCodec
import Foundation

/// JPEG and PNG, told apart by their first bytes and never by the file's name. What comes out is always 8-bit RGB in
/// the orientation in which it is stored (EXIF rotation is not applied, as torchvision's image folders do not).
public enum ImageCodec {
  /// Decodes a JPEG (baseline or progressive; grey, colour or CMYK) or a PNG (any depth and kind; alpha is dropped).
  ///
  /// - Throws: `VisionDataError` when there are no bytes, when they are neither JPEG nor PNG, when they are corrupt or
  ///   end early, and when they declare more than 100 megapixels.
  public static func decode(_ bytes: [UInt8]) throws -> PixelImage {
    if bytes.isEmpty {
      throw VisionDataError("expected a JPEG or PNG image, got an empty file")
    }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      return try decode(bytes, format: "JPEG", with: cimagecodec_decode_jpeg)
    }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      return try decode(bytes, format: "PNG", with: cimagecodec_decode_png)
    }
    let start = bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    throw VisionDataError("expected a JPEG or PNG image, got something else: its first bytes are \(start)")
  }

  /// Decodes a file; the errors name it.
  ///
  /// - Throws: `VisionDataError` when the file cannot be read, and for all that `decode(_:)` refuses.
  public static func decode(contentsOf url: URL) throws -> PixelImage {
    do {
      return try decode(read(url))
    } catch let error as VisionDataError {
      throw VisionDataError("\(url.path): \(error.description)")
    }
  }

  /// Encodes as baseline JPEG with chroma at half resolution.
  ///
  /// - Parameter quality: 1…100 on libjpeg's scale.
  /// - Throws: `VisionDataError` when the image is too large for a JPEG (65,500 pixels a side) or memory runs out.
  public static func encodeJPEG(_ image: PixelImage, quality: Int) throws -> [UInt8] {
    precondition(1...100 ~= quality, "encodeJPEG: quality is 1...100, got \(quality)")
    var buffer: UnsafeMutablePointer<UInt8>?
    var count = 0
    try withErrorText(action: "encode a JPEG of \(image.width) x \(image.height) pixels") { text in
      cimagecodec_encode_jpeg(image.pixels, image.width, image.height, Int32(quality), &buffer, &count, text)
    }
    defer { cimagecodec_free(buffer) }
    return Array(UnsafeBufferPointer(start: buffer, count: count))
  }

  private typealias Decoder = (
    UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<Int>?,
    UnsafeMutablePointer<Int>?, UnsafeMutablePointer<CChar>?
  ) -> Int32

  private static func decode(_ bytes: [UInt8], format: String, with decoder: Decoder) throws -> PixelImage {
    var buffer: UnsafeMutablePointer<UInt8>?
    var (width, height) = (0, 0)
    try withErrorText(action: "decode this \(format)") { text in
      decoder(bytes, bytes.count, &buffer, &width, &height, text)
    }
    defer { cimagecodec_free(buffer) }
    let pixels = Array(UnsafeBufferPointer(start: buffer, count: width * height * 3))
    return PixelImage(width: width, height: height, pixels: pixels)
  }

  /// Calls into the codec; when it fails, throws the line of text that it left.
  private static func withErrorText(action: String, _ call: (UnsafeMutablePointer<CChar>) -> Int32) throws {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIMAGECODEC_ERROR_SIZE)) { text in
      text.initialize(repeating: 0)
      let start = text.baseAddress!
      if call(start) != 0 {
        throw VisionDataError("cannot \(action): \(String(cString: start))")
      }
    }
  }

  /// The whole file, straight into an array.
  private static func read(_ url: URL) throws -> [UInt8] {
    func failure() -> VisionDataError { VisionDataError("cannot be read: \(String(cString: strerror(errno)))") }

    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    return try Array(unsafeUninitializedCapacity: Int(status.st_size)) { buffer, filled in
      while filled < buffer.count {
        let count = Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw failure() }
        if count == 0 { break }
        filled += count
      }
    }
  }
}
