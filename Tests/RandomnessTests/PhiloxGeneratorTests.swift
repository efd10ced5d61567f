import Randomness
import Testing

@Suite("Philox generator")
struct PhiloxGeneratorTests {
  @Test("ten rounds give the known answers published with Random123 (kat_vectors)")
  func knownAnswers() {
    let cases: [(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: SIMD4<UInt32>)] = [
      (.init(repeating: 0), .init(repeating: 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
      (.init(repeating: .max), .init(repeating: .max), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ]
    for (counter, key, answer) in cases {
      #expect(PhiloxGenerator.block(counter: counter, key: key) == answer)
    }
  }

  @Test("the sequence is the blocks of its key in order, low half first")
  func sequenceFollowsBlocks() {
    var generator = PhiloxGenerator(seed: 0x1111_2222_3333_4444, epoch: 5, sample: 6, stream: 7)
    for draw in 0..<4 as Range<UInt32> {
      let block = PhiloxGenerator.block(counter: [5, 6, 7, draw], key: [0x3333_4444, 0x1111_2222])
      #expect(generator.next() == UInt64(block.y) << 32 | UInt64(block.x))
      #expect(generator.next() == UInt64(block.w) << 32 | UInt64(block.z))
    }
  }

  @Test("a difference in seed, epoch, sample or stream alone gives another sequence")
  func everyPartOfTheKeyCounts() {
    let keys: [(seed: UInt64, epoch: Int, sample: Int, stream: UInt32)] = [
      (1, 1, 1, 1), (2, 1, 1, 1), (1 << 40, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 1, 1, 2),
    ]
    let numbers = keys.map { key in
      var generator = PhiloxGenerator(seed: key.seed, epoch: key.epoch, sample: key.sample, stream: key.stream)
      return generator.next()
    }
    #expect(Set(numbers).count == numbers.count)
  }

  @Test("uniform numbers fill [0, 1) evenly, with the mean and variance of the uniform distribution")
  func uniformDistribution() {
    var generator = PhiloxGenerator(seed: 3, epoch: 0, sample: 0, stream: 0)
    let count = 100_000
    var (sum, squares, bins) = (0.0, 0.0, [Int](repeating: 0, count: 20))
    for _ in 0..<count {
      let number = generator.uniform()
      #expect(0 <= number && number < 1)
      sum += Double(number)
      squares += Double(number) * Double(number)
      bins[Int(number * 20)] += 1
    }
    let mean = sum / Double(count)
    #expect(abs(mean - 0.5) < 0.005)
    #expect(abs(squares / Double(count) - mean * mean - 1 / 12) < 0.003)
    let expected = Double(count) / 20
    let chiSquare = bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    #expect(chiSquare < 43.8, "0.1 % of true uniforms exceed 43.8 with 19 degrees of freedom; got \(chiSquare)")
  }

  @Test("integers below a bound take every value, and about equally often")
  func integersBelowBound() {
    var generator = PhiloxGenerator(seed: 4, epoch: 0, sample: 0, stream: 0)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[generator.integer(below: 7)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 10_000) < 400 }, "\(counts)")
    #expect((0..<20).allSatisfy { _ in generator.integer(below: 1) == 0 })
  }
}
