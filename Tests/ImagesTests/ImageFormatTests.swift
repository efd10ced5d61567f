import Images
import Randomness
import TestSupport
import Testing

/// WebP, TIFF, GIF, BMP, AVIF and HEIC. Those whose library is not installed are passed over.
@Suite("Kinds of images")
struct ImageFormatTests {
  let fixture: ImageFixture

  init() throws {
    fixture = try ImageFixture("formats")
  }

  /// The cases of a kind, by the first word of their names.
  private func cases(of kind: ImageKind) -> [String] {
    guard kind.isAvailable else { return [] }
    return fixture.names.filter { $0.hasPrefix(kind.rawValue + "_") && $0.hasSuffix(".bytes") }
      .map { String($0.dropLast(".bytes".count)) }
  }

  private func decode(_ name: String, upright: Bool = false) throws -> PixelImage {
    try fixture.bytes(name + ".bytes").withUnsafeBufferPointer {
      try ImageCodec.decode($0, appliesExifOrientation: upright)
    }
  }

  private func errorText(_ bytes: [UInt8]) -> String {
    do {
      let image = try ImageCodec.decode(bytes)
      return "no error: \(image.width) x \(image.height)"
    } catch {
      return String(describing: error)
    }
  }

  static let kinds: [ImageKind] = [.webp, .tiff, .gif, .bmp, .avif, .heic]

  /// Cases where one level is what the versions of two libraries differ by: libheif's interpolation of chroma, and libtiff's
  /// and Pillow's conversion of YCbCr.
  static let almostExact: Set<String> = ["heic_420", "tiff_ycbcr"]

  @Test("decodes to exactly the pixels of Pillow", arguments: kinds)
  func decodesExactly(kind: ImageKind) throws {
    for name in cases(of: kind) {
      let (image, expected) = (try decode(name), fixture.image(name + ".pixels"))
      #expect([image.width, image.height] == [expected.width, expected.height], "\(name)")
      let difference = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max()
      #expect(difference ?? 0 <= (Self.almostExact.contains(name) ? 1 : 0), "\(name)")
    }
  }

  @Test("the fixture has cases of every kind, and no other")
  func everyFixtureIsTested() {
    #expect(
      Set(fixture.names.compactMap { $0.split(separator: "_").first }) == Set(Self.kinds.map { $0.rawValue[...] }))
  }

  @Test("images that say how they lie are turned upright where asked, TIFF always", arguments: kinds)
  func upright(kind: ImageKind) throws {
    for name in cases(of: kind) where fixture.names.contains(name + ".upright") {
      #expect(try decode(name, upright: true) == fixture.image(name + ".upright"), "\(name)")
    }
  }

  @Test("a part of an image has exactly the pixels of the whole", arguments: kinds)
  func partsAreExact(kind: ImageKind) throws {
    let decoder = ImageDecoder()
    var generator = PhiloxGenerator(seed: 3, epoch: 0, sample: 0, stream: 0)
    for name in cases(of: kind) {
      let whole = try decode(name)
      try fixture.bytes(name + ".bytes").withUnsafeBufferPointer { bytes in
        for _ in 0..<12 {
          let (width, height) = try decoder.begin(bytes)
          let (left, top) = (generator.integer(below: width), generator.integer(below: height))
          let region = CropRectangle(
            top: top, left: left, height: 1 + generator.integer(below: height - top),
            width: 1 + generator.integer(below: width - left))
          let decoded = try decoder.decode(region, scaleDenominator: 2)
          #expect(decoded.scaleDenominator == 1)
          for row in top..<top + region.height {
            let place = (row - decoded.frame.top) * decoded.bytesPerRow + 3 * (left - decoded.frame.left)
            let part = UnsafeBufferPointer(start: decoded.pixels + place, count: 3 * region.width)
            let start = 3 * (row * whole.width + left)
            #expect(part.elementsEqual(whole.pixels[start..<start + 3 * region.width]), "\(name): \(region)")
          }
        }
      }
    }
  }

  @Test("a file that is cut off says so, unless no pixel is missing", arguments: kinds)
  func cutOff(kind: ImageKind) {
    for name in cases(of: kind) where !name.hasSuffix("animated") && !name.hasSuffix("pages") {
      let bytes = fixture.bytes(name + ".bytes")
      for count in stride(from: 64, to: bytes.count - 8, by: max(1, bytes.count / 20)) {
        let text = errorText(Array(bytes.prefix(count)))
        #expect(text.hasPrefix("cannot decode this \(kind.name): "), "\(name), \(count) bytes: \(text)")
      }
      let most = errorText(Array(bytes.prefix(bytes.count * 3 / 4)))
      let ends = "cannot decode this \(kind.name): the \(kind.name) data ends before the image is complete"
      // JPEG data within a TIFF lie before its tables, whose lack is met first.
      #expect(most == ends || name == "tiff_jpeg" || name == "tiff_jpeg_gray", "\(name): \(most)")
    }
  }

  @Test("of several frames or pages the first is read, and that there are more is told")
  func more() throws {
    let decoder = ImageDecoder()
    for kind in Self.kinds {
      for name in cases(of: kind) {
        _ = try fixture.bytes(name + ".bytes").withUnsafeBufferPointer { try decoder.begin($0) }
        #expect(decoder.kind == kind, "\(name)")
        #expect(decoder.hasMore == (name.hasSuffix("animated") || name.hasSuffix("pages")), "\(name)")
      }
    }
  }

  @Test("random damage never crashes and leaves either an image or an error", arguments: kinds)
  func randomDamage(kind: ImageKind) {
    var generator = PhiloxGenerator(seed: 4, epoch: 0, sample: 0, stream: 0)
    for name in cases(of: kind) {
      let bytes = fixture.bytes(name + ".bytes")
      for _ in 0..<30 {
        var damaged = bytes
        for _ in 0...generator.integer(below: 6) {
          damaged[12 + generator.integer(below: bytes.count - 12)] = UInt8(generator.integer(below: 256))
        }
        #expect(!errorText(damaged).isEmpty)
      }
    }
  }

  @Test("a library that is not installed is named, with its package")
  func missingLibraries() {
    let decoder = ImageDecoder(usesOptionalLibraries: false)
    func text(_ name: String) -> String {
      do {
        let size = try fixture.bytes(name + ".bytes").withUnsafeBufferPointer { try decoder.begin($0) }
        return "\(size)"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      text("webp_lossy")
        == "cannot decode this WebP: libwebp.so.7 cannot be loaded; install it (Debian's package libwebp7) or convert "
        + "these images")
    for (name, package) in [("tiff_rgb", "libtiff6"), ("gif_gray", "libgif7"), ("heic_420", "libheif1")] {
      #expect(text(name).contains("(Debian's package \(package))"), "\(name)")
    }
    #expect(text("avif_444").hasPrefix("cannot decode this AVIF: libavif.so."))
    #expect(text("bmp_24") == "(width: 17, height: 13)")
  }

  @Test("a declared size beyond 100 megapixels is refused in words")
  func absurdSizes() {
    func changed(_ name: String, at place: Int, _ values: [UInt8]) -> [UInt8] {
      var bytes = fixture.bytes(name + ".bytes")
      bytes.replaceSubrange(place..<place + values.count, with: values)
      return bytes
    }
    func expectation(_ kind: ImageKind, _ size: String) -> String {
      "cannot decode this \(kind.name): declares \(size) pixels, more than 100 megapixels"
    }
    #expect(
      errorText(changed("bmp_24", at: 18, [0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F]))
        == expectation(.bmp, "2147483647 x 2147483647"))
    if ImageKind.gif.isAvailable {
      #expect(errorText(changed("gif_gray", at: 6, [0xFF, 0xFF, 0xFF, 0xFF])) == expectation(.gif, "65535 x 65535"))
    }
    if ImageKind.webp.isAvailable {
      // The canvas of an animation: a name and a length of eight bytes, flags of four, then the size less one.
      #expect(
        errorText(changed("webp_animated", at: 24, [0xFF, 0xFF, 0, 0xFF, 0xFF, 0]))
          == expectation(.webp, "65536 x 65536"))
    }
    if ImageKind.tiff.isAvailable {
      var bytes = fixture.bytes("tiff_gray_4.bytes")
      for tag: UInt8 in [0, 1] {
        let entry = bytes.indices.first { bytes[$0...].starts(with: [tag, 1, 4, 0, 1, 0, 0, 0]) }!
        bytes.replaceSubrange(entry + 8..<entry + 12, with: [0, 0, 4, 0])
      }
      #expect(errorText(bytes) == expectation(.tiff, "262144 x 262144"))
    }
  }

  @Test("kinds of TIFF that are not read say what to do")
  func unreadTIFF() {
    guard ImageKind.tiff.isAvailable else { return }
    func text(_ tag: [UInt8], _ value: UInt8, from name: String = "tiff_gray_4") -> String {
      var bytes = fixture.bytes(name + ".bytes")
      let entry = bytes.indices.first { bytes[$0...].starts(with: tag + [3, 0, 1, 0, 0, 0]) }!
      bytes[entry + 8] = value
      return errorText(bytes)
    }
    #expect(
      text([3, 1], 6)
        == "cannot decode this TIFF: its compression is old-style JPEG (6), which is not read: convert it to LZW or Deflate"
    )
    #expect(
      text([6, 1], 9)
        == "cannot decode this TIFF: the meaning of its samples (photometric interpretation 9) is not read")
    #expect(text([2, 1], 32) == "cannot decode this TIFF: its samples have 32 bits: convert them to 8 or 16")
  }

  @Test("a text that begins with two letters of an image's is none")
  func texts() {
    #expect(ImageKind(signature: Array("BMW, Audi and Mercedes-Benz are names.".utf8)) == nil)
    #expect(ImageKind(signature: Array("RIFF0000WAVEfmt ".utf8)) == nil)
    #expect(ImageKind(signature: Array("GIF98".utf8)) == nil)
    #expect(ImageKind(signature: [UInt8]()) == nil)
    #expect(ImageKind(signature: Array("\0\0\0\u{18}ftypmif1\0\0\0\0mif1heic".utf8)) == .heic)
    #expect(ImageKind(signature: Array("\0\0\0\u{18}ftypmif1\0\0\0\0mif1avif".utf8)) == .avif)
    #expect(ImageKind(signature: Array("\0\0\0\u{18}ftypisom\0\0\0\0mp41mp42".utf8)) == nil)
  }
}
