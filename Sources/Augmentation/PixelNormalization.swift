import Images

/// From 8-bit pixels to what an encoder sees: (level / 255 − mean) / standard deviation, channel by channel.
public struct PixelNormalization: Sendable {
  /// value = level · scale + offset, for red, green and blue.
  let scale: SIMD3<Float>
  let offset: SIMD3<Float>

  /// - Parameters:
  ///   - mean: Of red, green and blue, on the scale 0…1.
  ///   - standardDeviation: Of red, green and blue on that scale, above 0.
  public init(mean: [Double], standardDeviation: [Double]) {
    precondition(
      mean.count == 3 && standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 },
      "PixelNormalization: mean \(mean) and standard deviation \(standardDeviation) of three channels")
    scale = SIMD3(standardDeviation.map { Float(1 / (255 * $0)) })
    offset = SIMD3(zip(mean, standardDeviation).map { Float(-$0 / $1) })
  }

  /// Writes the image as three planes `[3, height, width]`.
  ///
  /// - Parameter destination: Room for exactly `3 * height * width` floats, initialized or not.
  public func write(_ image: PixelImage, to destination: UnsafeMutableBufferPointer<Float>) {
    let count = image.width * image.height
    precondition(
      destination.count == 3 * count,
      "PixelNormalization.write: [3, \(image.height), \(image.width)] takes \(3 * count) floats, "
        + "got room for \(destination.count)")
    image.pixels.withUnsafeBufferPointer { pixels in
      for channel in 0..<3 {
        let (scale, offset) = (scale[channel], offset[channel])
        let plane = destination.baseAddress! + channel * count
        let source = pixels.baseAddress! + channel
        for index in 0..<count { plane[index] = offset.addingProduct(Float(source[3 &* index]), scale) }
      }
    }
  }

  /// Writes the image as `[height, width, 3]`.
  ///
  /// - Parameter destination: Room for `3 * height * width` floats.
  package func write(_ planes: PixelPlanes, to destination: UnsafeMutablePointer<Float>) {
    let (red, green, blue) = (planes.red, planes.green, planes.blue)
    for index in 0..<planes.count {
      destination[3 &* index] = offset.x.addingProduct(Float(red[index]), scale.x)
      destination[3 &* index &+ 1] = offset.y.addingProduct(Float(green[index]), scale.y)
      destination[3 &* index &+ 2] = offset.z.addingProduct(Float(blue[index]), scale.z)
    }
  }

  /// Writes the image as `[height, width, 3]` in bfloat16, rounded to the nearest, half to even.
  ///
  /// - Parameter destination: Room for `3 * height * width` numbers of 16 bits.
  package func write(_ planes: PixelPlanes, toBFloat16 destination: UnsafeMutablePointer<UInt16>) {
    let (red, green, blue) = (planes.red, planes.green, planes.blue)
    for index in 0..<planes.count {
      destination[3 &* index] = bfloat16(offset.x.addingProduct(Float(red[index]), scale.x))
      destination[3 &* index &+ 1] = bfloat16(offset.y.addingProduct(Float(green[index]), scale.y))
      destination[3 &* index &+ 2] = bfloat16(offset.z.addingProduct(Float(blue[index]), scale.z))
    }
  }

  /// Writes the image as `[height, width, 3]` in float16, rounded to the nearest, half to even.
  ///
  /// - Parameter destination: Room for `3 * height * width` numbers.
  package func write(_ planes: PixelPlanes, toFloat16 destination: UnsafeMutablePointer<Float16>) {
    let (red, green, blue) = (planes.red, planes.green, planes.blue)
    for index in 0..<planes.count {
      destination[3 &* index] = Float16(offset.x.addingProduct(Float(red[index]), scale.x))
      destination[3 &* index &+ 1] = Float16(offset.y.addingProduct(Float(green[index]), scale.y))
      destination[3 &* index &+ 2] = Float16(offset.z.addingProduct(Float(blue[index]), scale.z))
    }
  }
}

/// The upper half of a finite float, rounded to the nearest, half to even.
@inline(__always)
private func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16)
}
