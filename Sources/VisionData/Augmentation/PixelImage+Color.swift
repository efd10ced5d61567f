/// The colour operations of torchvision's functional transforms on 8-bit tensors. Where torchvision drops the fraction
/// of a level, so do these.
extension PixelImage {
  /// Applies one step of colour jitter.
  public mutating func adjust(_ adjustment: ColorAdjustment) {
    switch adjustment {
    case .brightness(let factor): adjustBrightness(by: factor)
    case .contrast(let factor): adjustContrast(by: factor)
    case .saturation(let factor): adjustSaturation(by: factor)
    case .hue(let turns): adjustHue(by: turns)
    }
  }

  /// Multiplies every sample by the factor, at least 0; torchvision's `adjust_brightness`.
  public mutating func adjustBrightness(by factor: Double) {
    precondition(factor >= 0, "PixelImage.adjustBrightness: a factor is at least 0, got \(factor)")
    let factor = Float(factor)
    mapLevels { truncateToLevel(factor * Float($0)) }
  }

  /// Moves every sample towards (factor below 1) or away from the mean of the grey image; torchvision's
  /// `adjust_contrast`. The factor is at least 0.
  public mutating func adjustContrast(by factor: Double) {
    precondition(factor >= 0, "PixelImage.adjustContrast: a factor is at least 0, got \(factor)")
    var sum = 0
    pixels.withUnsafeBufferPointer { pixels in
      for index in stride(from: 0, to: pixels.count, by: 3) {
        sum &+= Int(grayLevel(pixels[index], pixels[index + 1], pixels[index + 2]))
      }
    }
    let mean = Float(Double(sum) / Double(width * height))
    let (own, other) = (Float(factor), Float(1 - factor) * mean)
    mapLevels { truncateToLevel(own * Float($0) + other) }
  }

  /// Moves every pixel towards (factor below 1) or away from its own grey; torchvision's `adjust_saturation`. The
  /// factor is at least 0.
  public mutating func adjustSaturation(by factor: Double) {
    precondition(factor >= 0, "PixelImage.adjustSaturation: a factor is at least 0, got \(factor)")
    let (own, other) = (Float(factor), Float(1 - factor))
    pixels.withUnsafeMutableBufferPointer { pixels in
      for index in stride(from: 0, to: pixels.count, by: 3) {
        let (red, green, blue) = (pixels[index], pixels[index + 1], pixels[index + 2])
        let gray = other * Float(grayLevel(red, green, blue))
        pixels[index] = truncateToLevel(own * Float(red) + gray)
        pixels[index + 1] = truncateToLevel(own * Float(green) + gray)
        pixels[index + 2] = truncateToLevel(own * Float(blue) + gray)
      }
    }
  }

  /// Adds to the hue of every pixel in HSV space; torchvision's `adjust_hue`.
  ///
  /// - Parameter turns: −0.5…0.5 of a turn of the colour wheel.
  public mutating func adjustHue(by turns: Double) {
    precondition(-0.5...0.5 ~= turns, "PixelImage.adjustHue: a turn lies in -0.5...0.5, got \(turns)")
    let shift = Float(turns) * 6
    pixels.withUnsafeMutableBufferPointer { pixels in
      for index in stride(from: 0, to: pixels.count, by: 3) {
        let (red, green, blue) = (Float(pixels[index]), Float(pixels[index + 1]), Float(pixels[index + 2]))
        let value = max(red, green, blue)
        let chroma = value - min(red, green, blue)
        if chroma == 0 { continue }  // grey has no hue

        // The hue in sixths of a turn from red, wrapped to [0, 6).
        var hue: Float
        if value == red {
          hue = (green - blue) / chroma
        } else if value == green {
          hue = 2 + (blue - red) / chroma
        } else {
          hue = 4 + (red - green) / chroma
        }
        hue += shift
        hue += hue < 0 ? 6 : hue >= 6 ? -6 : 0
        pixels[index] = channelLevel(hue: hue, value: value, chroma: chroma, sector: 5)
        pixels[index + 1] = channelLevel(hue: hue, value: value, chroma: chroma, sector: 3)
        pixels[index + 2] = channelLevel(hue: hue, value: value, chroma: chroma, sector: 1)
      }
    }
  }

  /// Gives all three channels the grey level of the pixel: 0.2989 R + 0.587 G + 0.114 B; torchvision's
  /// `rgb_to_grayscale` with three channels.
  public mutating func convertToGrayscale() {
    pixels.withUnsafeMutableBufferPointer { pixels in
      for index in stride(from: 0, to: pixels.count, by: 3) {
        let gray = grayLevel(pixels[index], pixels[index + 1], pixels[index + 2])
        pixels[index] = gray
        pixels[index + 1] = gray
        pixels[index + 2] = gray
      }
    }
  }

  /// Inverts every sample that is not below the threshold; torchvision's `solarize`.
  ///
  /// - Parameter threshold: In levels, 0…255; 256 and more changes nothing.
  public mutating func solarize(threshold: Double) {
    mapLevels { Double($0) >= threshold ? 255 - $0 : $0 }
  }

  /// Replaces every sample by what the function gives for its level, asked once a level.
  private mutating func mapLevels(_ function: (UInt8) -> UInt8) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
      for level in 0..<256 {
        table.initializeElement(at: level, to: function(UInt8(level)))
      }
      pixels.withUnsafeMutableBufferPointer { pixels in
        for index in pixels.indices {
          pixels[index] = table[Int(pixels[index])]
        }
      }
    }
  }
}

@inline(__always)
private func truncateToLevel(_ value: Float) -> UInt8 {
  UInt8(min(max(value, 0), 255))
}

@inline(__always)
private func grayLevel(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
  let weighted: (Float, Float, Float) = (0.2989 * Float(red), 0.587 * Float(green), 0.114 * Float(blue))
  return UInt8(weighted.0 + weighted.1 + weighted.2)
}

/// One channel of an HSV colour. Around the wheel a channel is full for two sixths, falls for one, is lowest for two and
/// rises for one; `sector` says where its fall begins: 5 for red, 3 for green, 1 for blue.
@inline(__always)
private func channelLevel(hue: Float, value: Float, chroma: Float, sector: Float) -> UInt8 {
  let position = hue + sector
  let turned = position >= 6 ? position - 6 : position
  let missing = max(0, min(turned, 4 - turned, 1))
  // torchvision goes from [0, 1] back to levels by multiplying with 255.999 and dropping the fraction.
  return UInt8((value - chroma * missing) * (255.999 / 255))
}
