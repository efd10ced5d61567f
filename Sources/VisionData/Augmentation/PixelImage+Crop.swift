extension PixelImage {
  /// Cuts out a part and resizes it: antialiased bilinear, as torchvision's `resized_crop` with `antialias=True`.
  ///
  /// Sums are kept in float and rounded once, half to even.
  ///
  /// - Parameters:
  ///   - crop: Inside the image.
  ///   - width: Columns of the result, at least 1.
  ///   - height: Rows of the result, at least 1.
  public func resizedCrop(_ crop: CropRectangle, width: Int, height: Int) -> PixelImage {
    resizedCrop(
      crop, width: width, height: height, window: CropRectangle(top: 0, left: 0, height: height, width: width))
  }

  /// Resizes the whole image, antialiased bilinear, as torchvision's `resize` with `antialias=True`.
  public func resized(width: Int, height: Int) -> PixelImage {
    resizedCrop(
      CropRectangle(top: 0, left: 0, height: self.height, width: self.width), width: width, height: height)
  }

  /// The part `window` of what `resizedCrop(_:width:height:)` gives, without computing the rest.
  func resizedCrop(_ crop: CropRectangle, width: Int, height: Int, window: CropRectangle) -> PixelImage {
    precondition(
      crop.top >= 0 && crop.left >= 0 && crop.height > 0 && crop.width > 0
        && crop.top + crop.height <= self.height && crop.left + crop.width <= self.width,
      "PixelImage.resizedCrop: \(crop) does not lie in an image of \(self.width) x \(self.height)")
    precondition(width > 0 && height > 0, "PixelImage.resizedCrop: no image of \(width) x \(height)")
    let vertical = ResamplingWeights(
      inputCount: crop.height, outputCount: height, window: window.top..<(window.top + window.height))
    let horizontal = ResamplingWeights(
      inputCount: crop.width, outputCount: width, window: window.left..<(window.left + window.width))
    let columns = horizontal.inputRange
    let rowCount = columns.count * 3

    let output = [UInt8](unsafeUninitializedCapacity: window.width * window.height * 3) { output, filled in
      // One float more than the row, because three channels are read as four.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: rowCount + 1) { row in
        row.initialize(repeating: 0)
        pixels.withUnsafeBufferPointer { input in
          for y in 0..<window.height {
            let first = crop.top + vertical.starts[y]
            row.update(repeating: 0)
            for tap in 0..<vertical.counts[y] {
              let source = input.baseAddress! + ((first + tap) * self.width + crop.left + columns.lowerBound) * 3
              accumulate(
                source, count: rowCount, weight: vertical.values[y * vertical.stride + tap], into: row.baseAddress!)
            }
            resample(
              row.baseAddress!, firstColumn: columns.lowerBound, weights: horizontal,
              to: output.baseAddress! + y * window.width * 3)
          }
        }
      }
      filled = output.count
    }
    return PixelImage(width: window.width, height: window.height, pixels: output)
  }

  /// Mirrors left and right.
  public mutating func flipHorizontally() {
    let (width, height) = (width, height)
    pixels.withUnsafeMutableBufferPointer { pixels in
      for y in 0..<height {
        var left = y * width * 3
        var right = left + (width - 1) * 3
        while left < right {
          pixels.swapAt(left, right)
          pixels.swapAt(left + 1, right + 1)
          pixels.swapAt(left + 2, right + 2)
          left += 3
          right -= 3
        }
      }
    }
  }
}

/// sum[i] += weight · source[i]
private func accumulate(
  _ source: UnsafePointer<UInt8>, count: Int, weight: Float, into sum: UnsafeMutablePointer<Float>
) {
  for index in 0..<count {
    sum[index] += weight * Float(source[index])
  }
}

/// Resizes one row of RGB floats and rounds it to levels.
private func resample(
  _ row: UnsafePointer<Float>, firstColumn: Int, weights: ResamplingWeights, to output: UnsafeMutablePointer<UInt8>
) {
  weights.values.withUnsafeBufferPointer { values in
    for x in 0..<weights.starts.count {
      var source = UnsafeRawPointer(row + (weights.starts[x] - firstColumn) * 3)
      var sum = SIMD4<Float>()
      for tap in 0..<weights.counts[x] {
        sum += values[x * weights.stride + tap] * source.loadUnaligned(as: SIMD4<Float>.self)
        source += 3 * MemoryLayout<Float>.stride
      }
      sum.round(.toNearestOrEven)
      output[x * 3] = UInt8(sum.x)
      output[x * 3 + 1] = UInt8(sum.y)
      output[x * 3 + 2] = UInt8(sum.z)
    }
  }
}
