/// From 8-bit pixels to what an encoder sees: (level / 255 − mean) / standard deviation, channel by channel, in planes.
public struct PixelNormalization: Sendable {
  /// The value of every level: red, green and blue in turn.
  private let table: [Float]

  /// - Parameters:
  ///   - mean: Of red, green and blue, on the scale 0…1.
  ///   - standardDeviation: Of red, green and blue on that scale, above 0.
  public init(mean: [Double], standardDeviation: [Double]) {
    precondition(
      mean.count == 3 && standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 },
      "PixelNormalization: mean \(mean) and standard deviation \(standardDeviation) of three channels")
    table = (0..<3).flatMap { channel in
      (0..<256).map { (Float($0) / 255 - Float(mean[channel])) / Float(standardDeviation[channel]) }
    }
  }

  /// Writes the image as three planes `[3, height, width]`.
  ///
  /// - Parameter destination: Room for exactly `3 * height * width` floats, initialised or not.
  public func write(_ image: PixelImage, to destination: UnsafeMutableBufferPointer<Float>) {
    let count = image.width * image.height
    precondition(
      destination.count == 3 * count,
      "PixelNormalization.write: [3, \(image.height), \(image.width)] takes \(3 * count) floats, "
        + "got room for \(destination.count)")
    image.pixels.withUnsafeBufferPointer { pixels in
      table.withUnsafeBufferPointer { table in
        for channel in 0..<3 {
          let values = table.baseAddress! + channel * 256
          let plane = destination.baseAddress! + channel * count
          var source = pixels.baseAddress! + channel
          for index in 0..<count {
            plane[index] = values[Int(source.pointee)]
            source += 3
          }
        }
      }
    }
  }
}
