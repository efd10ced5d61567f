import Images
import Randomness
import TestSupport
import Testing

@Suite("Image decoder")
struct ImageDecoderTests {
  static let regionKinds = [
    "444", "422", "420", "420_even", "440", "411", "410", "441", "h2v4", "mixed", "gray", "gray_2x2", "cmyk",
    "restart_blocks", "restart_rows", "progressive_420", "progressive_422", "progressive_440", "progressive_unfinished",
    "arithmetic", "arithmetic_progressive", "a_scan_each",
  ]
  static let scales = [1, 2, 4, 8]

  /// The part of an image at some scale.
  private func part(of image: PixelImage, _ part: CropRectangle) -> [UInt8] {
    var pixels = [UInt8]()
    for y in part.top..<(part.top + part.height) {
      let start = (y * image.width + part.left) * 3
      pixels += image.pixels[start..<(start + part.width * 3)]
    }
    return pixels
  }

  /// The scaled pixels that a region at full scale touches.
  private func scaled(_ region: CropRectangle, by denominator: Int) -> CropRectangle {
    let (top, left) = (region.top / denominator, region.left / denominator)
    return CropRectangle(
      top: top, left: left, height: (region.top + region.height + denominator - 1) / denominator - top,
      width: (region.left + region.width + denominator - 1) / denominator - left)
  }

  /// `wanted` out of what was decoded, both in scaled pixels; nil when it is not all there.
  private func part(of decoded: DecodedRegion, _ wanted: CropRectangle) -> [UInt8]? {
    let (y, x) = (wanted.top - decoded.frame.top, wanted.left - decoded.frame.left)
    guard y >= 0, x >= 0, y + wanted.height <= decoded.frame.height, x + wanted.width <= decoded.frame.width else {
      return nil
    }
    var pixels = [UInt8]()
    for row in y..<(y + wanted.height) {
      let start = decoded.pixels + row * decoded.bytesPerRow + x * 3
      pixels += UnsafeBufferPointer(start: start, count: wanted.width * 3)
    }
    return pixels
  }

  /// As libjpeg decodes it.
  private func whole(_ bytes: [UInt8], scale: Int = 1, upright: Bool = false) throws -> PixelImage {
    let decoder = ImageDecoder(appliesExifOrientation: upright, usesOnlyLibjpeg: true)
    return try bytes.withUnsafeBufferPointer { bytes in
      let (width, height) = try decoder.begin(bytes)
      let decoded = try decoder.decode(
        CropRectangle(top: 0, left: 0, height: height, width: width), scaleDenominator: scale)
      let all = CropRectangle(top: 0, left: 0, height: decoded.scaledHeight, width: decoded.scaledWidth)
      return PixelImage(
        width: decoded.scaledWidth, height: decoded.scaledHeight, pixels: try #require(part(of: decoded, all)))
    }
  }

  private func randomRegion(_ width: Int, _ height: Int, _ generator: inout PhiloxGenerator) -> CropRectangle {
    // Small ones, and ones that touch the borders, as often as others.
    let most = [(width, height), (min(width, 20), height), (width, min(height, 20)), (1, 1)][
      generator.integer(below: 4)]
    let (columns, rows) = (1 + generator.integer(below: most.0), 1 + generator.integer(below: most.1))
    let (spareColumns, spareRows) = (width - columns, height - rows)
    let place = generator.integer(below: 6)
    return CropRectangle(
      top: place == 0 ? 0 : place == 1 ? spareRows : generator.integer(below: spareRows + 1),
      left: place == 2 ? 0 : place == 3 ? spareColumns : generator.integer(below: spareColumns + 1), height: rows,
      width: columns)
  }

  @Test("every pixel of a region is that of the whole image as libjpeg has it, at every scale, for every kind of JPEG")
  func regionsAreExact() throws {
    let fixture = try ImageFixture("codec_regions")
    #expect(Set(fixture.names.map { $0.split(separator: ".")[0] }) == Set(Self.regionKinds.map { $0[...] }))
    let decoder = ImageDecoder()
    var generator = PhiloxGenerator(seed: 2, epoch: 0, sample: 0, stream: 0)
    for kind in Self.regionKinds {
      let bytes = fixture.bytes(kind + ".bytes")
      for scale in Self.scales {
        let image = try whole(bytes, scale: scale)
        try bytes.withUnsafeBufferPointer { bytes in
          for _ in 0..<150 {
            let (width, height) = try decoder.begin(bytes)
            let region = randomRegion(width, height, &generator)
            let decoded = try decoder.decode(region, scaleDenominator: scale)
            #expect(decoded.scaleDenominator == scale)
            #expect(decoded.scaledWidth == image.width && decoded.scaledHeight == image.height)
            let wanted = scaled(region, by: scale)
            #expect(part(of: decoded, wanted) == part(of: image, wanted), "\(kind) at 1/\(scale): \(region)")
          }
        }
      }
    }
  }

  @Test("a scaled image has exactly the pixels of Pillow's draft mode")
  func scalesExactly() throws {
    let fixture = try ImageFixture("codec_regions")
    for kind in ["420", "422", "440", "gray", "progressive_422"] {
      for scale in Self.scales.dropFirst() {
        let image = try whole(fixture.bytes(kind + ".bytes"), scale: scale)
        #expect([image.height, image.width, 3] == fixture.shape("\(kind).pixels_\(scale)"))
        #expect(image.pixels == fixture.bytes("\(kind).pixels_\(scale)"), "\(kind) at 1/\(scale)")
      }
    }
  }

  @Test("every row and column range of a PNG is exact, and its scale stays 1")
  func pngRegions() throws {
    let fixture = try ImageFixture("codec")
    let decoder = ImageDecoder()
    for kind in ["png_rgb", "png_rgb_interlaced", "png_palette", "png_gray_alpha_16"] {
      let image = fixture.image(kind + ".pixels")
      try fixture.bytes(kind + ".bytes").withUnsafeBufferPointer { bytes in
        let (width, height) = try decoder.begin(bytes)
        for top in 0..<height {
          for last in top..<height {
            let left = (top * 7 + last) % width
            let region = CropRectangle(top: top, left: left, height: last - top + 1, width: width - left)
            let decoded = try decoder.decode(region, scaleDenominator: 4)
            #expect(decoded.scaleDenominator == 1 && decoded.scaledWidth == width)
            #expect(part(of: decoded, region) == part(of: image, region), "\(kind): \(region)")
          }
        }
      }
    }
  }

  @Test("one decoder decodes files of all kinds in any order as a fresh one does")
  func reuse() throws {
    let fixture = try ImageFixture("codec")
    let kinds = ImageCodecTests.kinds
    let decoder = ImageDecoder()
    var generator = PhiloxGenerator(seed: 3, epoch: 0, sample: 0, stream: 0)
    for _ in 0..<2000 {
      let kind = kinds[generator.integer(below: kinds.count)]
      var bytes = fixture.bytes(kind + ".bytes")
      if generator.integer(below: 4) == 0 {
        // A broken file in between leaves nothing behind.
        bytes[bytes.count / 2] ^= 0x55
        bytes.removeLast(bytes.count / 4)
        bytes.withUnsafeBufferPointer { bytes in
          guard let (width, height) = try? decoder.begin(bytes) else { return }
          _ = try? decoder.decode(CropRectangle(top: 0, left: 0, height: height, width: width))
        }
        continue
      }
      try bytes.withUnsafeBufferPointer { bytes in
        let (width, height) = try decoder.begin(bytes)
        let all = CropRectangle(top: 0, left: 0, height: height, width: width)
        #expect(part(of: try decoder.decode(all), all) == fixture.bytes(kind + ".pixels"), "\(kind)")
      }
    }
  }

  @Test("a file without Huffman tables does not borrow those of the file before")
  func tablesAreForgotten() throws {
    let fixture = try ImageFixture("codec")
    // An optimized file's own tables differ from the standard ones, which stand in where a file brings none.
    let optimized = fixture.bytes("jpeg_optimized.bytes")
    var bare = fixture.bytes("jpeg_420.bytes")
    while let table = bare.indices.dropLast().first(where: { bare[$0] == 0xFF && bare[$0 + 1] == 0xC4 }) {
      bare.removeSubrange(table..<(table + 2 + Int(bare[table + 2]) << 8 + Int(bare[table + 3])))
    }
    let decoder = ImageDecoder()
    for bytes in [optimized, bare] {
      try bytes.withUnsafeBufferPointer { bytes in
        let (width, height) = try decoder.begin(bytes)
        let all = CropRectangle(top: 0, left: 0, height: height, width: width)
        let pixels = part(of: try decoder.decode(all), all)
        if bytes.count == bare.count { #expect(pixels == fixture.bytes("jpeg_420.pixels")) }
      }
    }
  }

  @Test("images are turned upright by their EXIF orientation exactly as Pillow does")
  func orientations() throws {
    let fixture = try ImageFixture("orientations")
    let kinds = fixture.names.filter { $0.hasSuffix(".bytes") }.map { String($0.dropLast(6)) }
    #expect(kinds.count == 43)
    for kind in kinds {
      let image = try whole(fixture.bytes(kind + ".bytes"), upright: true)
      #expect([image.height, image.width, 3] == fixture.shape(kind + ".pixels"), "\(kind)")
      #expect(image.pixels == fixture.bytes(kind + ".pixels"), "\(kind)")
    }
  }

  @Test("orientation is ignored unless asked for")
  func ignoresOrientation() throws {
    let fixture = try ImageFixture("orientations")
    for orientation in 1...8 {
      let image = try whole(fixture.bytes("jpeg_\(orientation)_little_endian.bytes"))
      #expect(image.width == 21 && image.height == 13)
      #expect(image.pixels == fixture.bytes("jpeg_1_little_endian.pixels"))
      #expect(try ImageCodec.decode(fixture.bytes("png_\(orientation).bytes")).width == 21)
    }
  }

  @Test("regions are those of the upright image", arguments: scales)
  func uprightRegions(scale: Int) throws {
    let fixture = try ImageFixture("orientations")
    let decoder = ImageDecoder(appliesExifOrientation: true)
    var generator = PhiloxGenerator(seed: 4, epoch: 0, sample: 0, stream: 0)
    for kind in (1...8).flatMap({ ["jpeg_\($0)_little_endian", "jpeg_\($0)_big_endian", "png_\($0)"] }) {
      let bytes = fixture.bytes(kind + ".bytes")
      let image = try whole(bytes, scale: scale, upright: true)
      try bytes.withUnsafeBufferPointer { bytes in
        for _ in 0..<50 {
          let (width, height) = try decoder.begin(bytes)
          let region = randomRegion(width, height, &generator)
          let decoded = try decoder.decode(region, scaleDenominator: scale)
          let wanted = scaled(region, by: decoded.scaleDenominator)
          #expect(part(of: decoded, wanted) == part(of: image, wanted), "\(kind): \(region)")
        }
      }
    }
  }

  @Test("an image is decoded any number of times, and a decoder that failed begins anew")
  func severalRegions() throws {
    let bytes = try ImageFixture("codec_regions").bytes("420.bytes")
    let image = try whole(bytes)
    let decoder = ImageDecoder()
    let region = CropRectangle(top: 30, left: 40, height: 30, width: 50)
    try bytes.withUnsafeBufferPointer { all in
      let _ = try decoder.begin(all)
      for _ in 0..<3 { #expect(part(of: try decoder.decode(region), region) == part(of: image, region)) }
      var damaged = try ImageFixture("codec").bytes("png_rgb.bytes")
      damaged[damaged.count / 2] ^= 1
      try damaged.withUnsafeBufferPointer { damaged in
        let (width, height) = try decoder.begin(damaged)
        let image = CropRectangle(top: 0, left: 0, height: height, width: width)
        #expect(throws: ImageError("cannot decode this PNG: IDAT: incorrect data check")) {
          try decoder.decode(image)
        }
        #expect(throws: ImageError("cannot decode: no image was begun")) { try decoder.decode(image) }
      }
      let _ = try decoder.begin(all)
      #expect(part(of: try decoder.decode(region), region) == part(of: image, region))
    }
  }

  @Test(
    "a file that is cut off is refused before any of it is decoded, and one with something behind its end is not",
    arguments: ["jpeg_420", "jpeg_progressive", "jpeg_gray", "png_rgb", "png_rgb_interlaced"])
  func endOfFile(kind: String) throws {
    let bytes = try ImageFixture("codec").bytes(kind + ".bytes")
    let decoder = ImageDecoder()
    func begin(_ bytes: [UInt8]) throws -> Int { try bytes.withUnsafeBufferPointer { try decoder.begin($0).width } }
    for count in 8..<bytes.count {
      #expect(throws: ImageError.self, "\(count) bytes") { try begin(Array(bytes[..<count])) }
    }
    // As disks leave a file of which the last part was never written.
    #expect(throws: ImageError.self) { try begin(bytes.dropLast(20) + [UInt8](repeating: 0, count: 20)) }
    let width = try begin(bytes)
    for rest in [[0], [0xFF], [0xFF, 0xD8, 0xFF, 0xE0], [UInt8](repeating: 7, count: 5_000)] {
      #expect(try begin(bytes + rest) == width)
    }
  }

  @Test("thousands of mutated files give pixels or an error of one line")
  func mutatedFiles() throws {
    let (codec, regions) = (try ImageFixture("codec"), try ImageFixture("codec_regions"))
    let orientations = try ImageFixture("orientations")
    let files = [codec, regions, orientations].flatMap { fixture in
      fixture.names.filter { $0.hasSuffix(".bytes") }.map { fixture.bytes($0) }
    }
    let decoder = ImageDecoder(appliesExifOrientation: true)
    var generator = PhiloxGenerator(seed: 5, epoch: 0, sample: 0, stream: 0)
    var (decoded, refused) = (0, 0)
    for round in 0..<6000 {
      var bytes = files[round % files.count]
      for _ in 0...generator.integer(below: 4) {
        let place = generator.integer(below: bytes.count)
        switch generator.integer(below: 4) {
        case 0: bytes[place] = UInt8(generator.integer(below: 256))
        case 1: bytes[place] ^= 1 << UInt8(generator.integer(below: 8))
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.integer(below: 40)))
        default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 40)], at: place)
        }
        if bytes.isEmpty { break }
      }
      bytes.withUnsafeBufferPointer { bytes in
        do {
          let (width, height) = try decoder.begin(bytes)
          let region = randomRegion(width, height, &generator)
          let scale = Self.scales[generator.integer(below: 4)]
          let part = try decoder.decode(region, scaleDenominator: scale)
          #expect(self.part(of: part, scaled(region, by: part.scaleDenominator)) != nil)
          decoded += 1
        } catch {
          let text = String(describing: error)
          #expect(text.hasPrefix("cannot decode this ") || text.hasPrefix("expected an image"), "\(text)")
          #expect(!text.contains("\n") && text.utf8.allSatisfy { $0 >= 32 && $0 < 127 }, "\(text)")
          refused += 1
        }
      }
    }
    #expect(decoded > 500 && refused > 500, "\(decoded) decoded, \(refused) refused")
  }
}
