/// What each output pixel of an antialiased bilinear resize takes from the input pixels along one side.
///
/// The kernel is a triangle, stretched when the image shrinks so that every input pixel counts; its part beyond the
/// border is cut off and the rest scaled to a sum of 1. This is the arithmetic of Pillow's and torchvision's
/// `resize(antialias=True)`.
struct ResamplingWeights {
  /// The first input pixel of each output pixel.
  private(set) var starts: [Int] = []
  /// How many input pixels each output pixel takes.
  private(set) var counts: [Int] = []
  /// The weights of output pixel `i`, from `i * stride` on.
  private(set) var values: [Float] = []
  let stride: Int

  /// - Parameters:
  ///   - inputCount: Pixels along the side before.
  ///   - outputCount: Pixels along the side after.
  ///   - window: The output pixels that are wanted.
  init(inputCount: Int, outputCount: Int, window: Range<Int>) {
    let scale = Double(inputCount) / Double(outputCount)
    let support = max(scale, 1)
    stride = Int(support.rounded(.up)) * 2 + 1
    starts.reserveCapacity(window.count)
    counts.reserveCapacity(window.count)
    values.reserveCapacity(window.count * stride)
    for output in window {
      let center = scale * (Double(output) + 0.5)
      let start = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), inputCount)
      var sum = 0.0
      for input in start..<end {
        sum += Self.triangle((Double(input) - center + 0.5) / support)
      }
      for input in start..<(start + stride) {
        let weight = input < end ? Self.triangle((Double(input) - center + 0.5) / support) / sum : 0
        values.append(Float(weight))
      }
      starts.append(start)
      counts.append(end - start)
    }
  }

  /// All input pixels that any output pixel takes.
  var inputRange: Range<Int> {
    starts[0]..<(starts[starts.count - 1] + counts[counts.count - 1])
  }

  private static func triangle(_ distance: Double) -> Double {
    max(0, 1 - abs(distance))
  }
}
