import Foundation
import Images
import Randomness
import TestSupport
import Testing

@Suite("Image codec")
struct ImageCodecTests {
  let fixture: ImageFixture

  init() throws {
    fixture = try ImageFixture("codec")
  }

  static let kinds = [
    "jpeg_420", "jpeg_422", "jpeg_444", "jpeg_440", "jpeg_411", "jpeg_410", "jpeg_low_quality", "jpeg_progressive",
    "jpeg_progressive_422", "jpeg_restart_markers", "jpeg_restart_rows", "jpeg_optimized", "jpeg_arithmetic",
    "jpeg_rgb", "jpeg_gray", "jpeg_gray_progressive", "jpeg_one_pixel", "jpeg_narrow", "jpeg_cmyk",
    "jpeg_cmyk_without_adobe", "jpeg_cmyk_progressive", "jpeg_ycck",
    "png_rgb", "png_rgb_16", "png_rgb_interlaced", "png_rgb_transparent", "png_rgb_16_transparent", "png_rgba",
    "png_rgba_16", "png_rgba_16_interlaced", "png_gray", "png_bilevel", "png_gray_2", "png_gray_4", "png_gray_16",
    "png_gray_alpha", "png_gray_alpha_16", "png_gray_transparent", "png_palette", "png_palette_transparent",
    "png_palette_1", "png_palette_2", "png_palette_4", "png_palette_1_interlaced", "png_palette_2_interlaced",
    "png_palette_4_interlaced", "png_compressed_text", "png_compressed_profile", "png_data_beyond_the_last_row",
  ]

  @Test("decodes to exactly the pixels of Pillow or torchvision", arguments: kinds)
  func decodesExactly(kind: String) throws {
    let image = try ImageCodec.decode(fixture.bytes(kind + ".bytes"))
    #expect([image.height, image.width, 3] == fixture.shape(kind + ".pixels"))
    #expect(image.pixels == fixture.bytes(kind + ".pixels"))
  }

  @Test("every fixture is tested")
  func everyFixtureIsTested() {
    #expect(Set(fixture.names.map { $0.split(separator: ".")[0] }) == Set(Self.kinds.map { $0[...] }))
  }

  private func errorText(_ bytes: [UInt8]) -> String {
    do {
      let image = try ImageCodec.decode(bytes)
      return "no error: \(image.width) x \(image.height)"
    } catch {
      return String(describing: error)
    }
  }

  @Test("an empty file is said to be empty")
  func emptyFile() {
    #expect(errorText([]) == "expected an image, got an empty file")
  }

  @Test("bytes that are no image are shown by their beginning")
  func notAnImage() {
    #expect(
      errorText(Array("%PDF-1.7".utf8))
        == "expected an image, got something else: its first bytes are 25 50 44 46")
    #expect(errorText([7]) == "expected an image, got something else: its first bytes are 07")
  }

  @Test("a JPEG cut short anywhere is an error and not a gray patch", arguments: ["jpeg_420", "jpeg_progressive"])
  func truncatedJPEG(kind: String) {
    let bytes = fixture.bytes(kind + ".bytes")
    for count in stride(from: 3, to: bytes.count, by: 7) {
      let text = errorText(Array(bytes.prefix(count)))
      #expect(text == "cannot decode this JPEG: the JPEG data ends before the image is complete", "\(count) bytes")
    }
  }

  @Test("a PNG cut short anywhere is an error")
  func truncatedPNG() {
    let bytes = fixture.bytes("png_rgb.bytes")
    for count in stride(from: 8, to: bytes.count, by: 5) {
      let text = errorText(Array(bytes.prefix(count)))
      #expect(text == "cannot decode this PNG: the PNG data ends before the image is complete", "\(count) bytes")
    }
  }

  @Test("corrupt headers give the codec's own reason")
  func corruptHeaders() {
    var jpeg = fixture.bytes("jpeg_420.bytes")
    jpeg.replaceSubrange(2..<6, with: [0xFF, 0xC9, 0x00, 0x02])
    #expect(errorText(jpeg).hasPrefix("cannot decode this JPEG: "))
    var png = fixture.bytes("png_rgb.bytes")
    png[20] ^= 0xFF
    #expect(errorText(png) == "cannot decode this PNG: IHDR: CRC error")
  }

  @Test("random damage never crashes and leaves either an image or an error")
  func randomDamage() {
    var generator = PhiloxGenerator(seed: 1, epoch: 0, sample: 0, stream: 0)
    for kind in ["jpeg_420", "jpeg_progressive", "jpeg_cmyk", "png_palette", "png_rgb_interlaced"] {
      let bytes = fixture.bytes(kind + ".bytes")
      for _ in 0..<200 {
        var damaged = bytes
        for _ in 0...generator.integer(below: 8) {
          damaged[4 + generator.integer(below: bytes.count - 4)] = UInt8(generator.integer(below: 256))
        }
        #expect(!errorText(damaged).isEmpty)
      }
    }
  }

  @Test("a declared size beyond 100 megapixels is refused in words")
  func absurdSizes() {
    var jpeg = fixture.bytes("jpeg_420.bytes")
    let frame = jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 }!
    jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0x00, 0xFF, 0x00])
    #expect(errorText(jpeg) == "cannot decode this JPEG: declares 65280 x 65280 pixels, more than 100 megapixels")

    #expect(
      errorText(Self.pngStart(width: 20_000, height: 10_000))
        == "cannot decode this PNG: declares 20000 x 10000 pixels, more than 100 megapixels")
    #expect(
      errorText(Self.pngStart(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF))
        == "cannot decode this PNG: declares 2147483647 x 2147483647 pixels, more than 100 megapixels")
    #expect(
      errorText(Self.pngStart(width: 2, height: 1_000_001))
        == "cannot decode this PNG: declares 2 x 1000001 pixels, more than a million on a side")
  }

  /// A PNG as far as its pixels: enough for a refusal that comes before them.
  private static func pngStart(width: UInt32, height: UInt32) -> [UInt8] {
    let chunk = Array("IHDR".utf8) + bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + chunk + bigEndian(crc32(chunk))
      + [0, 0, 0, 0] + Array("IDAT".utf8)
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  @Test("a progressive JPEG of thousands of scans is refused")
  func tooManyScans() {
    let bytes = fixture.bytes("jpeg_progressive.bytes")
    let lastScan = bytes.indices.dropLast().last { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }!
    let scan = bytes[lastScan..<(bytes.count - 2)]
    func repeated(_ count: Int) -> [UInt8] {
      bytes[..<lastScan] + Array(repeatElement(scan, count: count).joined()) + [0xFF, 0xD9]
    }
    #expect(errorText(repeated(3000)) == "cannot decode this JPEG: has more than 500 scans of 45 x 37 pixels")
    #expect(errorText(repeated(400)) == "no error: 45 x 37")
  }

  @Test("a damaged last chunk of a PNG is an error")
  func damagedEnd() {
    var bytes = fixture.bytes("png_rgb.bytes")
    bytes[bytes.count - 1] ^= 1
    #expect(errorText(bytes) == "cannot decode this PNG: CRC error at the end of the pixels or after them")
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0 as UInt32) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }

  @Test("a file that cannot be read, and one that cannot be decoded, are named")
  func filesAreNamed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let missing = folder.appendingPathComponent("missing.jpg")
    #expect(throws: ImageError("\(missing.path): cannot be read: No such file or directory")) {
      try ImageCodec.decode(contentsOf: missing)
    }
    #expect(
      message { _ = try ImageCodec.decode(contentsOf: folder) }
        == "\(folder.path): expected a file, got a folder, pipe or device")
    let text = folder.appendingPathComponent("notes.png")
    try Data("hello".utf8).write(to: text)
    let reason = "expected an image, got something else: its first bytes are 68 65 6c 6c"
    #expect(throws: ImageError("\(text.path): \(reason)")) { try ImageCodec.decode(contentsOf: text) }
    let misnamed = folder.appendingPathComponent("really-a-jpeg.png")
    try Data(fixture.bytes("jpeg_420.bytes")).write(to: misnamed)
    #expect(try ImageCodec.decode(contentsOf: misnamed).width == 45)
  }

  @Test("what is encoded at quality 100 decodes to nearly the same smooth image")
  func encodesAndDecodes() throws {
    let (width, height) = (31, 18)
    var pixels = [UInt8]()
    for y in 0..<height {
      for x in 0..<width { pixels += [UInt8(4 * x), UInt8(4 * y), 90] }
    }
    let image = PixelImage(width: width, height: height, pixels: pixels)
    let decoded = try ImageCodec.decode(ImageCodec.encodeJPEG(image, quality: 100))
    #expect(decoded.width == width && decoded.height == height)
    #expect(zip(decoded.pixels, image.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 6 })
  }

  @Test("an image too large for a JPEG is refused by the encoder")
  func refusesToEncodeTooLarge() {
    let image = PixelImage(width: 70_000, height: 1, pixels: [UInt8](repeating: 0, count: 210_000))
    #expect(throws: ImageError.self) { try ImageCodec.encodeJPEG(image, quality: 90) }
  }
}
