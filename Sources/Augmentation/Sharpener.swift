/// Changes the sharpness of images, in memory that it keeps.
final class Sharpener {
  private var memory = ScratchMemory<UInt8>()

  init() {}

  /// Blends every image with a blurred one, whose pixels are means of 3 × 3 in which the middle counts five times;
  /// torchvision's `adjust_sharpness`. Pixels at the edge stay, and so do images of fewer than three rows or columns.
  ///
  /// - Parameter factor: at least 0; 0 is the blurred image, 1 changes nothing, more sharpens.
  func adjust(_ planes: PixelPlanes, by factor: Double) {
    precondition(factor >= 0, "adjustSharpness: a factor is at least 0, got \(factor)")
    let (width, height) = (planes.width, planes.height)
    guard width > 2 && height > 2 else { return }
    let (own, other) = (Float(factor), Float(1 - factor))
    let source = memory.room(for: planes.count)
    for channel in 0..<3 {
      let plane = planes[channel]
      source.update(from: plane, count: planes.count)
      // At the edge an image is blended with itself, which may lose a fraction of a level.
      for index in 0..<planes.count {
        let level = Float(source[index])
        plane[index] = clampedLevel(own * level + other * level)
      }
      for row in 1..<height - 1 {
        let (above, middle, below) = (source + (row - 1) * width, source + row * width, source + (row + 1) * width)
        let target = plane + row * width
        for column in 1..<width - 1 {
          var sum = 4 * UInt32(middle[column])
          for neighbor in column - 1...column + 1 {
            sum &+= UInt32(above[neighbor]) &+ UInt32(middle[neighbor]) &+ UInt32(below[neighbor])
          }
          // Thirteenths are never half-way between two levels.
          let blurred = Float((2 * sum + 13) / 26)
          target[column] = clampedLevel(own * Float(middle[column]) + other * blurred)
        }
      }
    }
  }
}
