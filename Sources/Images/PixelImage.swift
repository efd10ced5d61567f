/// An 8-bit RGB image, interleaved and row-major: channel `c` of column `x` in row `y` is
/// `pixels[(y * width + x) * 3 + c]`, 0…255.
public struct PixelImage: Sendable, Equatable {
  /// Columns, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// `width * height * 3` samples.
  public var pixels: [UInt8]

  /// Wraps samples that are already in order; traps when their number is not `width * height * 3`.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * 3,
      "PixelImage: \(width) x \(height) pixels take \(width * height * 3) samples, got \(pixels.count)")
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
