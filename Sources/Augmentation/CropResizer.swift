import Images

/// Cuts parts out of images and resizes them as torchvision's `resized_crop` with `antialias=True`, in memory that it
/// keeps. Sums are kept in float and rounded once, half to even.
package final class CropResizer {
  // Looked at for every row of every view: at run time, checks that nobody else is at them took a twelfth of the time that
  // small views take.
  @exclusivity(unchecked) private var vertical = ResamplingWeights()
  @exclusivity(unchecked) private var horizontal = ResamplingWeights()
  @exclusivity(unchecked) private var row = ScratchMemory<Float>()
  @exclusivity(unchecked) private var levels = ScratchMemory<UInt8>()
  @exclusivity(unchecked) private var pairedWeights = ScratchMemory<SIMD8<Float>>()
  @exclusivity(unchecked) private var pairedStarts = ScratchMemory<Int32>()

  /// Pixels somewhere in memory: interleaved RGB.
  package struct Source {
    let pixels: UnsafePointer<UInt8>
    let bytesPerRow: Int

    package init(pixels: UnsafePointer<UInt8>, bytesPerRow: Int) {
      (self.pixels, self.bytesPerRow) = (pixels, bytesPerRow)
    }
  }

  /// A part of the source, in pixels and shares of them; its border's pixels, where they are cut, count whole.
  package struct Box {
    var top: Double
    var left: Double
    var height: Double
    var width: Double

    package init(top: Double, left: Double, height: Double, width: Double) {
      (self.top, self.left, self.height, self.width) = (top, left, height, width)
    }
  }

  /// Resizes `box` to `width` × `height` pixels and writes the part `window` of them, mirrored if asked, to `planes`.
  func resize(
    _ source: Source, _ box: Box, width: Int, height: Int, window: CropRectangle, isFlipped: Bool = false,
    interpolation: Interpolation = .bilinear, to planes: PixelPlanes
  ) {
    planes.resize(width: window.width, height: window.height)
    vertical.compute(
      start: box.top, extent: box.height, outputCount: height, window: window.top..<(window.top + window.height),
      interpolation: interpolation)
    horizontal.compute(
      start: box.left, extent: box.width, outputCount: width, window: window.left..<(window.left + window.width),
      interpolation: interpolation)
    pairWeights()

    let columns = horizontal.inputRange
    // The last pixels' weights of zero are multiplied by what lies behind the row.
    let row = row.room(for: (columns.count + horizontal.maximumTaps) * 3 + 1)
    let levels = levels.room(for: (window.width + 1) / 2 * 8)
    for y in 0..<window.height {
      let (start, taps) = vertical.bounds(of: y)
      sumDown(
        source.pixels + start * source.bytesPerRow + columns.lowerBound * 3, bytesPerRow: source.bytesPerRow,
        weights: vertical.weights(of: y), taps: taps, count: columns.count * 3, into: row)
      resampleAlong(row, canOvershoot: interpolation == .bicubic, into: levels)
      deinterleave(levels, isFlipped: isFlipped, to: planes, row: y)
    }
  }

  /// Weights of two neighboring output pixels side by side, four channels each, and where in a row of floats their
  /// input begins, in bytes.
  private func pairWeights() {
    let (count, taps) = (horizontal.count, horizontal.maximumTaps)
    let pairs = (count + 1) / 2
    let weights = pairedWeights.room(for: pairs * taps)
    let starts = pairedStarts.room(for: pairs * 2)
    for pair in 0..<pairs {
      let (left, right) = (2 * pair, min(2 * pair + 1, count - 1))
      for (index, pixel) in [left, right].enumerated() {
        let start = horizontal.bounds(of: pixel).start - horizontal.inputRange.lowerBound
        starts[2 * pair + index] = Int32(start * 3 * MemoryLayout<Float>.stride)
      }
      let (leftWeights, rightWeights) = (horizontal.weights(of: left), horizontal.weights(of: right))
      for tap in 0..<taps {
        weights[pair * taps + tap] = SIMD8(
          lowHalf: SIMD4(repeating: leftWeights[tap]), highHalf: SIMD4(repeating: rightWeights[tap]))
      }
    }
  }

  /// Resizes a row of RGB floats to levels, four bytes a pixel; sums that can be below 0 or above 255 are cut there.
  private func resampleAlong(_ row: UnsafePointer<Float>, canOvershoot: Bool, into levels: UnsafeMutablePointer<UInt8>)
  {
    let (taps, pairs) = (horizontal.maximumTaps, (horizontal.count + 1) / 2)
    let weights = UnsafePointer(pairedWeights.room(for: pairs * taps))
    let starts = UnsafePointer(pairedStarts.room(for: pairs * 2))
    if canOvershoot {
      sumAlong(row, starts: starts, weights: weights, taps: taps, pairs: pairs, canOvershoot: true, into: levels)
      return
    }
    // A number of taps that the compiler knows makes a loop without jumps.
    switch taps {
    case 2: sumAlong(row, starts: starts, weights: weights, taps: 2, pairs: pairs, into: levels)
    case 3: sumAlong(row, starts: starts, weights: weights, taps: 3, pairs: pairs, into: levels)
    case 4: sumAlong(row, starts: starts, weights: weights, taps: 4, pairs: pairs, into: levels)
    case 5: sumAlong(row, starts: starts, weights: weights, taps: 5, pairs: pairs, into: levels)
    default: sumAlong(row, starts: starts, weights: weights, taps: taps, pairs: pairs, into: levels)
    }
  }
}

/// sums[i] = Σ weights[k] · source[i + k · bytesPerRow]
private func sumDown(
  _ source: UnsafePointer<UInt8>, bytesPerRow: Int, weights: UnsafePointer<Float>, taps: Int, count: Int,
  into sums: UnsafeMutablePointer<Float>
) {
  @inline(__always) func sum(taps: Int) {
    let source = UnsafeRawPointer(source)
    var index = 0
    while index &+ 8 <= count {
      var sum = SIMD8<Float>()
      for tap in 0..<taps {
        let levels = (source + (index &+ tap &* bytesPerRow)).loadUnaligned(as: SIMD8<UInt8>.self)
        sum = sum.addingProduct(SIMD8<Float>(levels), SIMD8(repeating: weights[tap]))
      }
      UnsafeMutableRawPointer(sums + index).storeBytes(of: sum, as: SIMD8<Float>.self)
      index &+= 8
    }
    while index < count {
      var sum: Float = 0
      for tap in 0..<taps {
        let level = source.load(fromByteOffset: index &+ tap &* bytesPerRow, as: UInt8.self)
        sum = sum.addingProduct(Float(level), weights[tap])
      }
      sums[index] = sum
      index &+= 1
    }
  }
  switch taps {
  case 1: sum(taps: 1)
  case 2: sum(taps: 2)
  case 3: sum(taps: 3)
  case 4: sum(taps: 4)
  case 5: sum(taps: 5)
  default: sum(taps: taps)
  }
}

@inline(__always)
private func sumAlong(
  _ row: UnsafePointer<Float>, starts: UnsafePointer<Int32>, weights: UnsafePointer<SIMD8<Float>>, taps: Int,
  pairs: Int, canOvershoot: Bool = false, into levels: UnsafeMutablePointer<UInt8>
) {
  let row = UnsafeRawPointer(row)
  var weights = weights
  for pair in 0..<pairs {
    let (left, right) = (row + Int(starts[2 &* pair]), row + Int(starts[2 &* pair &+ 1]))
    var sum = SIMD8<Float>()
    for tap in 0..<taps {
      // Four floats of which three are a pixel's.
      let pixels = SIMD8(
        lowHalf: (left + tap &* 12).loadUnaligned(as: SIMD4<Float>.self),
        highHalf: (right + tap &* 12).loadUnaligned(as: SIMD4<Float>.self))
      sum = sum.addingProduct(pixels, weights[tap])
    }
    weights += taps
    if canOvershoot { sum = pointwiseMin(pointwiseMax(sum, SIMD8()), SIMD8(repeating: 255)) }
    UnsafeMutableRawPointer(levels + pair &* 8).storeBytes(of: roundedLevels(sum), as: SIMD8<UInt8>.self)
  }
}

/// Writes a row of pixels, four bytes each, to a row of the planes.
private func deinterleave(_ levels: UnsafePointer<UInt8>, isFlipped: Bool, to planes: PixelPlanes, row: Int) {
  let width = planes.width
  let (red, green, blue) = (planes.red + row * width, planes.green + row * width, planes.blue + row * width)
  if isFlipped {
    for x in 0..<width {
      let mirrored = width &- 1 &- x
      red[mirrored] = levels[4 &* x]
      green[mirrored] = levels[4 &* x &+ 1]
      blue[mirrored] = levels[4 &* x &+ 2]
    }
  } else {
    for x in 0..<width {
      red[x] = levels[4 &* x]
      green[x] = levels[4 &* x &+ 1]
      blue[x] = levels[4 &* x &+ 2]
    }
  }
}
