/// Sums over pixels of the levels of red, green and blue, from which mean and standard deviation follow.
///
/// Everything is an integer, so that the sums of images may be added in any order with the same result.
struct LevelSums: Sendable, Equatable {
  /// Three vectors hold 16 pixels; lane `n` of the 48 belongs to channel `n % 3`.
  private typealias Levels = SIMD16<UInt32>

  private(set) var pixelCount: UInt64 = 0
  private var sums = SIMD3<UInt64>()
  private var squares = SIMD3<UInt64>()

  /// Adds the pixels of an image: interleaved 8-bit RGB, rows `bytesPerRow` apart.
  mutating func add(_ pixels: UnsafePointer<UInt8>, width: Int, height: Int, bytesPerRow: Int) {
    for row in 0..<height { add(UnsafeBufferPointer(start: pixels + row * bytesPerRow, count: 3 * width)) }
    pixelCount += UInt64(width * height)
  }

  private mutating func add(_ row: UnsafeBufferPointer<UInt8>) {
    // As many groups of 16 pixels as 32 bits can hold squared levels of.
    let longest = 48 * (Int(UInt32.max) / (255 * 255))
    var start = 0
    while row.count - start >= 48 {
      let end = start + min(row.count - start, longest) / 48 * 48
      addGroups(UnsafeRawBufferPointer(row), start..<end)
      start = end
    }
    for place in start..<row.count {
      let level = UInt64(row[place])
      sums[place % 3] += level
      squares[place % 3] += level * level
    }
  }

  private mutating func addGroups(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    func levels(_ offset: Int) -> Levels {
      Levels(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self))
    }
    var (sum0, sum1, sum2) = (Levels(), Levels(), Levels())
    var (square0, square1, square2) = (Levels(), Levels(), Levels())
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: 48) {
      let (first, second, third) = (levels(offset), levels(offset + 16), levels(offset + 32))
      sum0 &+= first
      sum1 &+= second
      sum2 &+= third
      square0 &+= first &* first
      square1 &+= second &* second
      square2 &+= third &* third
    }
    for lane in 0..<16 {
      for (vector, values) in [(sum0, square0), (sum1, square1), (sum2, square2)].enumerated() {
        let channel = (16 * vector + lane) % 3
        sums[channel] += UInt64(values.0[lane])
        squares[channel] += UInt64(values.1[lane])
      }
    }
  }

  /// Adds the pixels that others have summed.
  mutating func merge(_ other: LevelSums) {
    pixelCount += other.pixelCount
    sums &+= other.sums
    squares &+= other.squares
  }

  /// Mean of each channel on the scale 0…1; nil without pixels.
  var mean: [Double]? {
    guard pixelCount > 0 else { return nil }
    return (0..<3).map { Double(sums[$0]) / Double(pixelCount) / 255 }
  }

  /// Standard deviation of each channel on the scale 0…1, that of the pixels themselves (divided by their number, not by
  /// one less); nil without pixels.
  var standardDeviation: [Double]? {
    guard pixelCount > 0 else { return nil }
    return (0..<3).map { channel in
      // n Σx² − (Σx)² in integers: nothing cancels, and a channel that never varies has exactly 0.
      let difference =
        UInt128(pixelCount) * UInt128(squares[channel]) - UInt128(sums[channel]) * UInt128(sums[channel])
      return Double(difference).squareRoot() / Double(pixelCount) / 255
    }
  }
}
