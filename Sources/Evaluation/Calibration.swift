/// Whether a classifier is right as often as its probabilities say (Guo et al., *On Calibration of Modern Neural Networks*,
/// 2017, section 2): images are sorted into bins of equal width by the probability of the class they are given.
public struct Calibration: Codable, Sendable, Equatable {
  /// The images whose greatest probability lies in one part of 0…1.
  public struct Bin: Codable, Sendable, Equatable {
    public var count = 0
    /// The mean of their greatest probabilities, 0…1; 0 where there are none.
    public var confidence = 0.0
    /// The share of them that is given the right class, 0…1; 0 where there are none.
    public var accuracy = 0.0

    /// Without images.
    public init() {}
  }

  /// From the least probability to the greatest, each over `1 / bins.count`, with its upper end.
  public let bins: [Bin]
  /// The mean over all images of |accuracy − confidence| of their bins (ECE), 0…1.
  public let expectedCalibrationError: Double

  /// Adds up images.
  struct Tally: Sendable, Equatable {
    private(set) var counts: [Int]
    private(set) var right: [Int]
    private(set) var confidences: [Double]

    init(bins: Int = 15) {
      counts = Array(repeating: 0, count: bins)
      right = counts
      confidences = Array(repeating: 0, count: bins)
    }

    mutating func add(confidence: Double, isRight: Bool) {
      let bin = min(max(Int((confidence * Double(counts.count)).rounded(.up)) - 1, 0), counts.count - 1)
      counts[bin] += 1
      right[bin] += isRight ? 1 : 0
      confidences[bin] += confidence
    }

    static func += (left: inout Tally, right: Tally) {
      for bin in left.counts.indices {
        left.counts[bin] += right.counts[bin]
        left.right[bin] += right.right[bin]
        left.confidences[bin] += right.confidences[bin]
      }
    }
  }

  init(_ tally: Tally) {
    let total = Double(max(1, tally.counts.reduce(0, +)))
    bins = tally.counts.indices.map { bin in
      let count = tally.counts[bin]
      guard count > 0 else { return Bin() }
      var result = Bin()
      result.count = count
      result.confidence = tally.confidences[bin] / Double(count)
      result.accuracy = Double(tally.right[bin]) / Double(count)
      return result
    }
    expectedCalibrationError = bins.reduce(0) { $0 + Double($1.count) / total * abs($1.accuracy - $1.confidence) }
  }
}
