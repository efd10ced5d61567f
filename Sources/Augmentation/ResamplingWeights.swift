/// What each output pixel of an antialiased resize takes from the input pixels along one side.
///
/// The kernel is stretched when the image shrinks so that every input pixel counts; its part beyond the border is cut off
/// and the rest scaled to a sum of 1. This is the arithmetic of Pillow's and torchvision's
/// `resize(antialias=True)`. Memory is kept from one resize to the next.
struct ResamplingWeights: ~Copyable {
  /// Output pixels.
  private(set) var count = 0
  /// The greatest number of input pixels that any output pixel takes.
  private(set) var maximumTaps = 0
  /// All input pixels that any output pixel takes.
  private(set) var inputRange = 0..<0
  private var stride = 0
  private var bounds = ScratchMemory<(start: Int32, count: Int32)>()
  private var values = ScratchMemory<Float>()
  private var distances = ScratchMemory<Double>()

  /// Computes the weights of a resize.
  ///
  /// - Parameters:
  ///   - start: Where the part that is resized begins, in input pixels.
  ///   - extent: Its length, above 0.
  ///   - outputCount: What it is resized to.
  ///   - window: The output pixels that are wanted.
  ///   - interpolation: The kernel.
  mutating func compute(
    start: Double, extent: Double, outputCount: Int, window: Range<Int>, interpolation: Interpolation
  ) {
    let scale = extent / Double(outputCount)
    let stretch = max(scale, 1)
    let support = stretch * interpolation.reach
    let (first, last) = (Int(start.rounded(.down)), Int((start + extent).rounded(.up)))
    let offset = start - Double(first)
    stride = Int(support.rounded(.up)) * 2 + 1
    count = window.count
    let bounds = bounds.room(for: count)
    let values = values.room(for: count * stride)
    let kernel = distances.room(for: stride)
    maximumTaps = 0
    for (row, output) in window.enumerated() {
      let center = offset + scale * (Double(output) + 0.5)
      let begin = max(Int(center - support + 0.5), 0)
      let taps = min(Int(center + support + 0.5), last - first) - begin
      var sum = 0.0
      for tap in 0..<taps {
        kernel[tap] = interpolation.weight(at: (Double(begin + tap) - center + 0.5) / stretch)
        sum += kernel[tap]
      }
      let weights = values + row * stride
      for tap in 0..<taps { weights[tap] = Float(kernel[tap] / sum) }
      for tap in taps..<stride { weights[tap] = 0 }
      bounds[row] = (Int32(first + begin), Int32(taps))
      maximumTaps = max(maximumTaps, taps)
    }
    inputRange = Int(bounds[0].start)..<Int(bounds[count - 1].start + bounds[count - 1].count)
  }

  /// The first input pixel of an output pixel, and how many it takes.
  mutating func bounds(of row: Int) -> (start: Int, taps: Int) {
    let (start, count) = bounds.room(for: count)[row]
    return (Int(start), Int(count))
  }

  /// The weights of an output pixel: `maximumTaps` of them, zeros at the end.
  mutating func weights(of row: Int) -> UnsafePointer<Float> {
    UnsafePointer(values.room(for: count * stride) + row * stride)
  }
}
