import Images

/// An 8-bit RGB image whose channels lie apart, each row by row: what the operations on views work on, since a processor
/// takes many neighbors of one channel at once.
///
/// Its memory is kept from image to image; each thread has its own.
package final class PixelPlanes {
  private(set) var width = 0
  private(set) var height = 0
  private var memory = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)

  init() {}

  deinit { memory.deallocate() }

  /// Takes on a size, at least 1 × 1; what was in the planes is lost.
  func resize(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "PixelPlanes: no image of \(width) x \(height)")
    (self.width, self.height) = (width, height)
    if memory.count < 3 * count {
      memory.deallocate()
      memory = .allocate(capacity: 3 * count)
      memory.initialize(repeating: 0)
    }
  }

  /// Samples of one channel.
  var count: Int { width * height }

  /// The samples of channel 0 (red), 1 or 2.
  package subscript(channel: Int) -> UnsafeMutablePointer<UInt8> { memory.baseAddress! + channel * count }
  var red: UnsafeMutablePointer<UInt8> { self[0] }
  var green: UnsafeMutablePointer<UInt8> { self[1] }
  var blue: UnsafeMutablePointer<UInt8> { self[2] }
}

// MARK: - Interleaved and back

extension PixelPlanes {
  func copy(from image: PixelImage) {
    resize(width: image.width, height: image.height)
    let (red, green, blue) = (red, green, blue)
    image.pixels.withUnsafeBufferPointer { pixels in
      for index in 0..<count {
        red[index] = pixels[3 &* index]
        green[index] = pixels[3 &* index &+ 1]
        blue[index] = pixels[3 &* index &+ 2]
      }
    }
  }

  /// The same image, interleaved.
  var image: PixelImage {
    let (red, green, blue) = (red, green, blue)
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * count) { pixels, filled in
      for index in 0..<count {
        pixels[3 &* index] = red[index]
        pixels[3 &* index &+ 1] = green[index]
        pixels[3 &* index &+ 2] = blue[index]
      }
      filled = 3 * count
    }
    return PixelImage(width: width, height: height, pixels: pixels)
  }
}

// MARK: - Levels

// Swift's own conversions check for overflow, which keeps loops from becoming vector instructions. Adding 2²³ instead
// brings a small number's integer part into the lowest bits.

/// A number in 0 ..< 256 without its fraction.
@inline(__always)
func truncatedLevel(_ value: Float) -> UInt8 {
  UInt8(truncatingIfNeeded: (value.rounded(.towardZero) + 0x1p23).bitPattern)
}

/// Numbers in 0…255, each to the nearest level, half to even.
@inline(__always)
func roundedLevels(_ values: SIMD8<Float>) -> SIMD8<UInt8> {
  // The lowest byte of each; the standard library's conversion of vectors is a call.
  let bytes = unsafeBitCast(values + 0x1p23, to: SIMD32<UInt8>.self)
  return SIMD8(bytes[0], bytes[4], bytes[8], bytes[12], bytes[16], bytes[20], bytes[24], bytes[28])
}
