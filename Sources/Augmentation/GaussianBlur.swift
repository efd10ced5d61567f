import Foundation

/// Blurs images with a Gaussian, in memory that it keeps: torchvision's `gaussian_blur`, rounded once at the end.
///
/// Rows are blurred along x as they are needed and wait in a ring, as many as the kernel is high, so that all of it stays
/// in the processor's first cache.
final class GaussianBlur {
  private var floats = ScratchMemory<Float>()
  private var levels = ScratchMemory<UInt8>()
  private var rows = ScratchMemory<UnsafeRawPointer>()

  /// Blurs in place. The kernel is cut off at its edge and scaled to a sum of 1; the image is mirrored beyond its border
  /// without repeating the border.
  ///
  /// - Parameters:
  ///   - kernelSize: Odd; half of it, rounded down, is less than either side of the image.
  ///   - sigma: Standard deviation in pixels, above 0.
  func apply(to planes: PixelPlanes, kernelSize: Int, sigma: Double) {
    let (width, height) = (planes.width, planes.height)
    precondition(
      kernelSize % 2 == 1 && kernelSize / 2 < min(width, height) && sigma > 0,
      "gaussianBlur: kernel size \(kernelSize) and sigma \(sigma) on \(width) x \(height)")
    let radius = Self.radius(kernelSize: kernelSize, sigma: sigma)
    if radius == 0 { return }

    let rowStride = (width + floatsAtOnce - 1) / floatsAtOnce * floatsAtOnce
    let ringHeight = 2 * radius + 1
    let padded = floats.room(for: rowStride + 2 * radius + rowStride * ringHeight)
    let ring = padded + rowStride + 2 * radius
    let output = UnsafeMutableRawPointer(levels.room(for: rowStride))
    // Where each row, and each that is mirrored beyond the border, waits in the ring.
    let blurred = rows.room(for: height + 2 * radius) + radius
    for y in -radius..<height + radius {
      let mirrored = height - 1 - abs(height - 1 - abs(y))
      blurred[y] = UnsafeRawPointer(ring + mirrored % ringHeight * rowStride)
    }
    let weights = Self.weights(radius: radius, sigma: sigma)

    for channel in 0..<3 {
      let samples = planes[channel]
      var next = 0
      for y in 0..<height {
        while next < min(y + radius + 1, height) {
          pad(samples + next * width, width: width, radius: radius, into: padded)
          let row = UnsafeMutableRawPointer(mutating: blurred[next])
          sumAlong(padded + radius, weights: weights, radius: radius, count: rowStride, into: row)
          next += 1
        }
        sumAcross(blurred + y, weights: weights, radius: radius, count: rowStride, into: output)
        UnsafeMutableRawPointer(samples + y * width).copyMemory(from: output, byteCount: width)
      }
    }
  }

  /// How far from its middle a kernel counts. Beyond 4 σ lies less than 1/15,000 of the weight: a sixtieth of a level at
  /// most.
  static func radius(kernelSize: Int, sigma: Double) -> Int { min(kernelSize / 2, Int((4 * sigma).rounded(.up))) }

  /// The weight of the middle and of those 1…radius away from it, on either side.
  static func weights(radius: Int, sigma: Double) -> [Float] {
    let densities = (0...radius).map { exp(-0.5 * (Double($0) / sigma) * (Double($0) / sigma)) }
    let sum = 2 * densities.reduce(0, +) - 1
    return densities.map { Float($0 / sum) }
  }

  /// A row with its mirrored margins.
  private func pad(
    _ row: UnsafePointer<UInt8>, width: Int, radius: Int, into padded: UnsafeMutablePointer<Float>
  ) {
    let middle = padded + radius
    for x in 0..<width { middle[x] = Float(row[x]) }
    for offset in 1...radius {
      middle[-offset] = Float(row[offset])
      middle[width - 1 + offset] = Float(row[width - 1 - offset])
    }
  }
}

/// Four vectors are summed side by side: one addition would wait for the one before.
private let floatsAtOnce = 32

private typealias Four = (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)

@inline(__always)
private func load(_ source: UnsafeRawPointer) -> Four {
  (
    source.loadUnaligned(as: SIMD8<Float>.self), (source + 32).loadUnaligned(as: SIMD8<Float>.self),
    (source + 64).loadUnaligned(as: SIMD8<Float>.self), (source + 96).loadUnaligned(as: SIMD8<Float>.self)
  )
}

@inline(__always)
private func scale(_ values: Four, by weight: Float) -> Four {
  (values.0 * weight, values.1 * weight, values.2 * weight, values.3 * weight)
}

@inline(__always)
private func add(_ weight: Float, times first: Four, plus second: Four, to sum: inout Four) {
  let weight = SIMD8<Float>(repeating: weight)
  sum.0 = sum.0.addingProduct(first.0 + second.0, weight)
  sum.1 = sum.1.addingProduct(first.1 + second.1, weight)
  sum.2 = sum.2.addingProduct(first.2 + second.2, weight)
  sum.3 = sum.3.addingProduct(first.3 + second.3, weight)
}

/// sums[x] = Σ weights[k] · (row[x − k] + row[x + k])
private func sumAlong(
  _ row: UnsafePointer<Float>, weights: UnsafePointer<Float>, radius: Int, count: Int,
  into sums: UnsafeMutableRawPointer
) {
  for x in stride(from: 0, to: count, by: floatsAtOnce) {
    var (left, right) = (UnsafeRawPointer(row + x), UnsafeRawPointer(row + x))
    var sum = scale(load(left), by: weights[0])
    for offset in 0..<radius {
      left -= 4
      right += 4
      add(weights[offset &+ 1], times: load(left), plus: load(right), to: &sum)
    }
    let output = sums + x &* 4
    output.storeBytes(of: sum.0, as: SIMD8<Float>.self)
    output.storeBytes(of: sum.1, toByteOffset: 32, as: SIMD8<Float>.self)
    output.storeBytes(of: sum.2, toByteOffset: 64, as: SIMD8<Float>.self)
    output.storeBytes(of: sum.3, toByteOffset: 96, as: SIMD8<Float>.self)
  }
}

/// levels[x] = Σ weights[k] · (rows[−k][x] + rows[k][x]), rounded. Weights rounded to floats may sum to a little above 1,
/// but 255.00002 still rounds to 255.
private func sumAcross(
  _ rows: UnsafePointer<UnsafeRawPointer>, weights: UnsafePointer<Float>, radius: Int, count: Int,
  into levels: UnsafeMutableRawPointer
) {
  for x in stride(from: 0, to: count, by: floatsAtOnce) {
    var sum = scale(load(rows[0] + x &* 4), by: weights[0])
    var (above, below) = (rows, rows)
    for offset in 0..<radius {
      above -= 1
      below += 1
      add(weights[offset &+ 1], times: load(above.pointee + x &* 4), plus: load(below.pointee + x &* 4), to: &sum)
    }
    let output = levels + x
    output.storeBytes(of: roundedLevels(sum.0), as: SIMD8<UInt8>.self)
    output.storeBytes(of: roundedLevels(sum.1), toByteOffset: 8, as: SIMD8<UInt8>.self)
    output.storeBytes(of: roundedLevels(sum.2), toByteOffset: 16, as: SIMD8<UInt8>.self)
    output.storeBytes(of: roundedLevels(sum.3), toByteOffset: 24, as: SIMD8<UInt8>.self)
  }
}
