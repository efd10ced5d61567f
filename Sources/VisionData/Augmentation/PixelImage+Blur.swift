import Foundation

extension PixelImage {
  /// Blurs with a Gaussian of the given width, cut off at the kernel's edge and scaled to a sum of 1; the image is
  /// mirrored beyond its border without repeating the border. torchvision's `gaussian_blur`; rounded once at the end.
  ///
  /// - Parameters:
  ///   - kernelSize: Odd; half of it, rounded down, is less than either side of the image.
  ///   - sigma: Standard deviation in pixels, above 0.
  public mutating func gaussianBlur(kernelSize: Int, sigma: Double) {
    let radius = kernelSize / 2
    precondition(
      kernelSize % 2 == 1 && radius < width && radius < height && sigma > 0,
      "PixelImage.gaussianBlur: kernel size \(kernelSize) and sigma \(sigma) on \(width) x \(height)")
    if radius == 0 { return }
    let weights = gaussianWeights(radius: radius, sigma: sigma)
    let (width, height) = (width, height)
    let rowCount = width * 3
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rowCount * (height + 1) + (width + 2 * radius) * 3) {
      // The rows blurred along x, the row being summed, and a row with its mirrored margins.
      let blurred = $0.baseAddress!
      let sum = blurred + rowCount * height
      let padded = sum + rowCount
      $0.initialize(repeating: 0)
      pixels.withUnsafeMutableBufferPointer { pixels in
        for y in 0..<height {
          pad(pixels.baseAddress! + y * rowCount, width: width, radius: radius, into: padded)
          for (tap, weight) in weights.enumerated() {
            accumulate(padded + tap * 3, count: rowCount, weight: weight, into: blurred + y * rowCount)
          }
        }
        for y in 0..<height {
          sum.update(repeating: 0, count: rowCount)
          for (tap, weight) in weights.enumerated() {
            let row = mirrored(y + tap - radius, count: height)
            accumulate(blurred + row * rowCount, count: rowCount, weight: weight, into: sum)
          }
          let output = pixels.baseAddress! + y * rowCount
          for index in 0..<rowCount {
            output[index] = UInt8(min(sum[index].rounded(.toNearestOrEven), 255))
          }
        }
      }
    }
  }
}

/// The weights of a kernel of size 2 · radius + 1.
func gaussianWeights(radius: Int, sigma: Double) -> [Float] {
  let densities = (-radius...radius).map { offset in
    exp(-0.5 * (Double(offset) / sigma) * (Double(offset) / sigma))
  }
  let sum = densities.reduce(0, +)
  return densities.map { Float($0 / sum) }
}

/// Where a position up to one side beyond the border is mirrored to, the border itself being the mirror.
@inline(__always)
private func mirrored(_ position: Int, count: Int) -> Int {
  position < 0 ? -position : position < count ? position : 2 * (count - 1) - position
}

private func pad(
  _ row: UnsafePointer<UInt8>, width: Int, radius: Int, into padded: UnsafeMutablePointer<Float>
) {
  for index in 0..<(width * 3) {
    padded[radius * 3 + index] = Float(row[index])
  }
  for offset in 1...radius {
    for channel in 0..<3 {
      padded[(radius - offset) * 3 + channel] = Float(row[offset * 3 + channel])
      padded[(radius + width - 1 + offset) * 3 + channel] = Float(row[(width - 1 - offset) * 3 + channel])
    }
  }
}

/// sum[i] += weight · source[i]
private func accumulate(
  _ source: UnsafePointer<Float>, count: Int, weight: Float, into sum: UnsafeMutablePointer<Float>
) {
  for index in 0..<count {
    sum[index] += weight * source[index]
  }
}
