import Images
import Randomness
import TestSupport
import Testing

/// What is decoded without libjpeg has to be what libjpeg decodes.
@Suite("Decoding without libjpeg")
struct BaselineDecodingTests {
  private let own = ImageDecoder()
  private let libjpeg = ImageDecoder(usesOnlyLibjpeg: true)

  /// The pixels of the whole image, or the text of what is wrong with it.
  private func outcome(_ decoder: ImageDecoder, _ bytes: [UInt8]) -> Result<[UInt8], ImageError> {
    bytes.withUnsafeBufferPointer { bytes in
      do throws(ImageError) {
        return .success(try pixels(decoder, bytes))
      } catch {
        return .failure(error)
      }
    }
  }

  private func pixels(
    _ decoder: ImageDecoder, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(ImageError) -> [UInt8] {
    do {
      let (width, height) = try decoder.begin(bytes)
      let decoded = try decoder.decode(CropRectangle(top: 0, left: 0, height: height, width: width))
      var pixels: [UInt8] = []
      for row in 0..<height {
        let start = decoded.pixels + (row - decoded.frame.top) * decoded.bytesPerRow - decoded.frame.left * 3
        pixels += UnsafeBufferPointer(start: start, count: width * 3)
      }
      return pixels
    } catch let error as ImageError {
      throw error
    } catch {
      throw ImageError("\(error)")
    }
  }

  private func expectSame(_ bytes: [UInt8], _ comment: @autoclosure () -> String) {
    switch (outcome(own, bytes), outcome(libjpeg, bytes)) {
    case (.success(let pixels), .success(let expected)): #expect(pixels == expected, "\(comment())")
    case (.failure(let error), .failure(let expected)):
      #expect(error.description == expected.description, "\(comment())")
    default: Issue.record("\(comment()): one decodes and the other does not")
    }
  }

  @Test("images of noise, flat ones and tiny ones are the same at every quality")
  func qualities() throws {
    for (number, quality) in [1, 2, 5, 10, 25, 50, 75, 90, 95, 99, 100].enumerated() {
      for (width, height) in [(1, 1), (2, 5), (5, 2), (7, 9), (16, 16), (17, 33), (40, 24), (131, 70)] {
        for isFlat in [true, false] {
          var generator = PhiloxGenerator(seed: 6, epoch: number, sample: width, stream: isFlat ? 0 : 1)
          let color = (0..<3).map { _ in UInt8.random(in: 0...255, using: &generator) }
          let samples = (0..<3 * width * height).map { index in
            isFlat ? color[index % 3] : UInt8.random(in: 0...1, using: &generator) &* 255
          }
          let image = PixelImage(width: width, height: height, pixels: samples)
          expectSame(
            try ImageCodec.encodeJPEG(image, quality: quality), "quality \(quality), \(width) x \(height)")
        }
      }
    }
  }

  @Test("a damaged file gives the same pixels or the same error, wherever it was hit")
  func damage() throws {
    let fixture = try ImageFixture("codec_regions")
    var generator = PhiloxGenerator(seed: 7, epoch: 0, sample: 0, stream: 0)
    for kind in ["444", "422", "420", "gray", "gray_2x2", "restart_blocks", "restart_rows"] {
      let bytes = fixture.bytes(kind + ".bytes")
      expectSame(bytes, kind)
      for number in 0..<400 {
        var damaged = bytes
        let place = generator.integer(below: bytes.count)
        switch number % 4 {
        case 0: damaged[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        case 2: damaged.remove(at: place)
        default: damaged.removeSubrange(place...)
        }
        expectSame(damaged, "\(kind), damage \(number) at \(place)")
      }
    }
  }
}
