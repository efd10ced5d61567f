import Images

/// Whether a JPEG may be decoded at a half, a quarter or an eighth of its size, because all crops shrink by more than that.
///
/// A JPEG's transform gives a smaller image for less work. It is another filter than resizing from full scale, but where
/// enough of the shrinking is left to the resize, the difference cannot be seen: Docs/Numerics.md has the measured bound.
enum DecodeScaling {
  /// By how much a crop still has to shrink after decoding, at least.
  private static let remainingShrinkage = 2.0

  /// The greatest denominator that the crops of an image bear: 1, 2, 4 or 8.
  ///
  /// - Parameter imageSizes: The size in pixels that each of the crops is resized to.
  static func denominator(crops: [CropRectangle], imageSizes: [Int]) -> Int {
    let shrinkage = zip(crops, imageSizes).map { Double(min($0.width, $0.height)) / Double($1) }.min() ?? 1
    return [8, 4, 2].first { shrinkage >= Double($0) * remainingShrinkage } ?? 1
  }
}

extension CropRectangle {
  /// The smallest rectangle that holds all of them; at least one.
  init(covering crops: [CropRectangle]) {
    let (top, left) = (crops.map(\.top).min()!, crops.map(\.left).min()!)
    self.init(
      top: top, left: left, height: crops.map { $0.top + $0.height }.max()! - top,
      width: crops.map { $0.left + $0.width }.max()! - left)
  }
}
