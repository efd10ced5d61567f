/// Values that Swift and the fixture scripts write alike, so that fixtures need not store weights and inputs.
///
/// Element *i* of the tensor called `name` is `offset + scale * (2u - 1)` with
/// *u* = (SplitMix64(FNV-1a-64(name) + i) >> 40) / 2²⁴, computed in `Float` with one rounding for the product and one
/// for the sum. `Scripts/fixtures/pattern.py` is the same rule.
///
/// - Parameters:
///   - name: any text; its UTF-8 bytes choose the values.
///   - count: how many elements, in row-major order.
/// - Returns: `count` values in `offset ± scale`.
public func pattern(_ name: String, count: Int, scale: Float = 1, offset: Float = 0) -> [Float] {
  let start = fnv1a64(name)
  return (0..<count).map { index in
    let unit = Float(splitMix64(start &+ UInt64(index)) >> 40) / 0x1p24
    return offset + scale * (2 * unit - 1)
  }
}

/// The same for a tensor of `shape`.
public func pattern(_ name: String, shape: [Int], scale: Float = 1, offset: Float = 0) -> [Float] {
  pattern(name, count: shape.reduce(1, *), scale: scale, offset: offset)
}

/// The flat indices ⌊k·count/16⌋ at which fixtures sample a tensor: evenly strided, repeating below 16 elements.
public func sampledIndices(count: Int) -> [Int] {
  (0..<16).map { $0 * count / 16 }
}

/// FNV-1a of the UTF-8 bytes of `text`, 64 bits.
public func fnv1a64(_ text: String) -> UInt64 {
  text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

/// The first output of SplitMix64 started at `state`.
public func splitMix64(_ state: UInt64) -> UInt64 {
  var z = state &+ 0x9e37_79b9_7f4a_7c15
  z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
  z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
  return z ^ (z >> 31)
}
