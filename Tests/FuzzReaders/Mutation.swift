/// Changes to a file, all drawn from a number.
struct Mutation: RandomNumberGenerator {
  private var state: UInt64
  /// Words of the format, which a blind change would not hit upon.
  private let tokens: [[UInt8]]

  init(number: Int, tokens: [String]) {
    state = UInt64(number) &* 0x2545_f491_4f6c_dd1d
    self.tokens = tokens.map { Array($0.utf8) }
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  /// One of the files, changed in one to six places.
  mutating func mutated(_ seeds: [[UInt8]]) -> [UInt8] {
    var bytes = below(40) == 0 ? [] : seeds[below(seeds.count)]
    for _ in 0...below(6) { change(&bytes, beside: seeds[below(seeds.count)]) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8], beside other: [UInt8]) {
    let place = below(bytes.count + 1)
    let end = min(bytes.count, place + 1 + below(below(4) == 0 ? 200 : 8))
    switch below(9) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
    case 1 where place < bytes.count: bytes[place] = UInt8(below(256))
    case 2: bytes.replaceSubrange(place..<end, with: tokens[below(tokens.count)])
    case 3: bytes.insert(contentsOf: tokens[below(tokens.count)], at: place)
    case 4: bytes.removeSubrange(place..<end)
    case 5: bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1))
    case 6: bytes.removeLast(below(min(bytes.count, 64) + 1))
    case 7:
      let start = below(other.count + 1)
      bytes.insert(contentsOf: other[start..<min(other.count, start + 1 + below(64))], at: place)
    default: overwriteNumber(&bytes, at: place)
    }
  }

  /// Numbers that readers stumble over, in little-endian order.
  private mutating func overwriteNumber(_ bytes: inout [UInt8], at place: Int) {
    let numbers: [UInt64] = [
      0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 53, 1 << 62,
      .max >> 1, 1 << 63, .max,
    ]
    let count = min([1, 2, 4, 8][below(4)], bytes.count - place)
    let value = withUnsafeBytes(of: numbers[below(numbers.count)].littleEndian) { Array($0.prefix(max(0, count))) }
    bytes.replaceSubrange(place..<place + value.count, with: value)
  }

  private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
