import Images

/// Operations of torchvision's functional transforms on 8-bit tensors that go by levels and places, not by colors.
extension PixelPlanes {
  /// Turns the image upside down; torchvision's `vflip`.
  func flipVertically() {
    for channel in 0..<3 {
      let plane = self[channel]
      for row in 0..<height / 2 {
        let (upper, lower) = (plane + row * width, plane + (height - 1 - row) * width)
        for column in 0..<width { swap(&upper[column], &lower[column]) }
      }
    }
  }

  /// Spreads the levels of each channel until each is about as frequent; torchvision's `equalize`.
  func equalize() {
    for channel in 0..<3 {
      let plane = self[channel]
      var counts = [Int](repeating: 0, count: 256)
      for index in 0..<count { counts[Int(plane[index])] += 1 }
      // The highest level that occurs does not count, since nothing lies above it.
      let step = (count - (counts.last { $0 > 0 } ?? 0)) / 255
      if step == 0 { continue }
      var below = 0
      let levels = counts.map { own in
        defer { below += own }
        return UInt8(min((below + step / 2) / step, 255))
      }
      for index in 0..<count { plane[index] = levels[Int(plane[index])] }
    }
  }

  /// Keeps the upper bits of every level; torchvision's `posterize`.
  ///
  /// - Parameter bits: 1…8.
  func posterize(bits: Int) {
    precondition(1...8 ~= bits, "posterize: 1 to 8 bits, got \(bits)")
    let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
    let samples = self[0]
    for index in 0..<3 &* count { samples[index] &= mask }
  }

  /// Gives every pixel of a part the same color; torchvision's `erase`.
  ///
  /// - Parameters:
  ///   - part: inside the image.
  ///   - levels: of red, green and blue.
  func erase(_ part: CropRectangle, levels: [UInt8]) {
    precondition(
      part.top >= 0 && part.left >= 0 && part.top + part.height <= height && part.left + part.width <= width,
      "erase: \(part) does not lie in an image of \(width) x \(height)")
    for channel in 0..<3 {
      for row in part.top..<part.top + part.height {
        (self[channel] + row * width + part.left).update(repeating: levels[channel], count: part.width)
      }
    }
  }
}
