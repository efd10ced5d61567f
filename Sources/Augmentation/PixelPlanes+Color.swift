/// The color operations of torchvision's functional transforms on 8-bit tensors. Where torchvision drops the fraction
/// of a level, so do these.
///
/// Every loop is written so that the compiler makes vector instructions of it: no branch, no check, no call.
extension PixelPlanes {
  /// Applies one step of color jitter.
  func adjust(_ adjustment: ColorAdjustment) {
    switch adjustment {
    case .brightness(let factor): adjustBrightness(by: factor)
    case .contrast(let factor): adjustContrast(by: factor)
    case .saturation(let factor): adjustSaturation(by: factor)
    case .hue(let turns): adjustHue(by: turns)
    }
  }

  func adjustBrightness(by factor: Double) {
    precondition(factor >= 0, "adjustBrightness: a factor is at least 0, got \(factor)")
    let factor = Float(factor)
    let samples = self[0]
    for index in 0..<3 &* count {
      samples[index] = truncatedLevel(lesser(factor * Float(samples[index]), 255))
    }
  }

  func adjustContrast(by factor: Double) {
    precondition(factor >= 0, "adjustContrast: a factor is at least 0, got \(factor)")
    let (own, other) = (Float(factor), Float(1 - factor) * Float(meanGray()))
    let samples = self[0]
    for index in 0..<3 &* count {
      samples[index] = clampedLevel(own * Float(samples[index]) + other)
    }
  }

  func adjustSaturation(by factor: Double) {
    precondition(factor >= 0, "adjustSaturation: a factor is at least 0, got \(factor)")
    let (own, other) = (Float(factor), Float(1 - factor))
    let (reds, greens, blues) = (red, green, blue)
    for index in 0..<count {
      let (red, green, blue) = (Float(reds[index]), Float(greens[index]), Float(blues[index]))
      let gray = other * gray(red, green, blue)
      reds[index] = clampedLevel(own * red + gray)
      greens[index] = clampedLevel(own * green + gray)
      blues[index] = clampedLevel(own * blue + gray)
    }
  }

  func adjustHue(by turns: Double) {
    precondition(-0.5...0.5 ~= turns, "adjustHue: a turn lies in -0.5...0.5, got \(turns)")
    let shift = Float(turns) * 6
    let (reds, greens, blues) = (red, green, blue)
    for index in 0..<count {
      let (red, green, blue) = (Float(reds[index]), Float(greens[index]), Float(blues[index]))
      let value = greater(greater(red, green), blue)
      let chroma = value - lesser(lesser(red, green), blue)

      // The hue in sixths of a turn from red, wrapped to [0, 6). Gray has none: its chroma of 0 makes any do.
      let difference = value == red ? green - blue : value == green ? blue - red : red - green
      let primary: Float = value == red ? 0 : value == green ? 2 : 4
      var hue = primary + difference / greater(chroma, 1) + shift
      hue = hue < 0 ? hue + 6 : hue
      hue = hue >= 6 ? hue - 6 : hue
      // Around the wheel a channel is full for two sixths of a turn, falls for one, is lowest for two and rises for one.
      reds[index] = channelLevel(value, chroma, missing: 2 - (hue - 3).magnitude)
      greens[index] = channelLevel(value, chroma, missing: (hue - 2).magnitude - 1)
      blues[index] = channelLevel(value, chroma, missing: (hue - 4).magnitude - 1)
    }
  }

  func convertToGrayscale() {
    let (reds, greens, blues) = (red, green, blue)
    for index in 0..<count {
      let level = truncatedLevel(gray(Float(reds[index]), Float(greens[index]), Float(blues[index])))
      reds[index] = level
      greens[index] = level
      blues[index] = level
    }
  }

  func solarize(threshold: Double) {
    let limit = UInt16(min(max(threshold.rounded(.up), 0), 256))
    let samples = self[0]
    for index in 0..<3 &* count {
      samples[index] = UInt16(samples[index]) >= limit ? ~samples[index] : samples[index]
    }
  }

  /// The mean of the gray image.
  private func meanGray() -> Double {
    let (reds, greens, blues) = (red, green, blue)
    var sum = 0
    // Sums of 32 bits, taken up before they overflow.
    for start in stride(from: 0, to: count, by: 1 << 16) {
      var partialSum: UInt32 = 0
      for index in start..<min(start + 1 << 16, count) {
        let gray = gray(Float(reds[index]), Float(greens[index]), Float(blues[index]))
        partialSum &+= (gray + 0x1p23).bitPattern & 0xFF
      }
      sum += Int(partialSum)
    }
    return Double(sum) / Double(count)
  }
}

@inline(__always)
private func lesser(_ first: Float, _ second: Float) -> Float { first < second ? first : second }

@inline(__always)
private func greater(_ first: Float, _ second: Float) -> Float { first > second ? first : second }

/// A number cut to 0…255, without its fraction.
@inline(__always)
func clampedLevel(_ value: Float) -> UInt8 { truncatedLevel(lesser(greater(value, 0), 255)) }

/// The gray level of a pixel, a whole number.
@inline(__always)
private func gray(_ red: Float, _ green: Float, _ blue: Float) -> Float {
  (0.2989 * red + 0.587 * green + 0.114 * blue).rounded(.towardZero)
}

/// One channel of an HSV color: the share of the chroma, cut to 0…1, that it lacks.
@inline(__always)
private func channelLevel(_ value: Float, _ chroma: Float, missing: Float) -> UInt8 {
  let level = value.addingProduct(-chroma, greater(0, lesser(missing, 1)))
  // torchvision goes from [0, 1] back to levels by multiplying with 255.999 and dropping the fraction.
  return truncatedLevel(level * (255.999 / 255))
}
