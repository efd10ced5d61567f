/// Philox4x32-10, the counter-based generator of Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3* (2011).
///
/// What it yields is a function of (seed, epoch, sample, stream) and of how much was drawn before, and of nothing
/// else: any thread of any process that asks for the same key sees the same numbers. The two key words hold the seed;
/// the four counter words hold the epoch, the sample, the stream and the number of the block.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
  private let key: SIMD2<UInt32>
  private var counter: SIMD4<UInt32>
  private var block = SIMD4<UInt32>()
  private var hasSecondHalf = false

  /// Starts the sequence of one key.
  ///
  /// - Parameters:
  ///   - seed: The seed of the run.
  ///   - epoch: 0 ..< 2³².
  ///   - sample: Index of the sample in the data set, 0 ..< 2³².
  ///   - stream: Tells apart the sequences drawn for one sample in one epoch: for augmentation, the view.
  public init(seed: UInt64, epoch: Int, sample: Int, stream: UInt32) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    guard let epoch = UInt32(exactly: epoch), let sample = UInt32(exactly: sample) else {
      preconditionFailure("PhiloxGenerator: epoch and sample lie in 0 ..< 2^32, got \(epoch) and \(sample)")
    }
    counter = SIMD4(epoch, sample, stream, 0)
  }

  /// The next 64 random bits: half a block.
  public mutating func next() -> UInt64 {
    if hasSecondHalf {
      hasSecondHalf = false
      return UInt64(block.z) | UInt64(block.w) << 32
    }
    block = Self.block(counter: counter, key: key)
    precondition(counter.w < .max, "PhiloxGenerator: a sequence holds 2^33 numbers, and all of them are drawn")
    counter.w += 1
    hasSecondHalf = true
    return UInt64(block.x) | UInt64(block.y) << 32
  }

  /// A number in [0, 1), a multiple of 2⁻²⁴.
  public mutating func uniform() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// A number between the bounds, both included.
  public mutating func uniform(in range: ClosedRange<Double>) -> Double {
    let share = Double(next() >> 11) * 0x1p-53
    return min(range.lowerBound + (range.upperBound - range.lowerBound) * share, range.upperBound)
  }

  /// An integer in `0 ..< bound`. It takes exactly one draw, and its mapping belongs to this project, unlike that of
  /// the standard library's `random(in:using:)`, which another version of Swift may change.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "PhiloxGenerator.integer(below:): a bound is at least 1, got \(bound)")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// True with the given probability, 0…1; takes exactly one draw.
  public mutating func chance(_ probability: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < probability
  }

  /// Ten rounds of the Philox bijection of a counter under a key.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (counter, key) = (counter, key)
    for _ in 0..<10 {
      let first = UInt64(counter.x) * 0xD251_1F53
      let second = UInt64(counter.z) * 0xCD9E_8D57
      counter = SIMD4(
        UInt32(second >> 32) ^ counter.y ^ key.x, UInt32(truncatingIfNeeded: second),
        UInt32(first >> 32) ^ counter.w ^ key.y, UInt32(truncatingIfNeeded: first))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }
}
