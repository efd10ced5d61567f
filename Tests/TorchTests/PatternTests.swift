import TestSupport
import Testing

/// The known answers are what `python Scripts/fixtures/pattern.py` prints.
struct PatternTests {
  @Test("the hash and the generator give their published answers")
  func knownHashes() {
    #expect(fnv1a64("") == 0xcbf2_9ce4_8422_2325)
    #expect(fnv1a64("conv1.weight") == 0x69a2_9a2c_ee47_d254)
    #expect(splitMix64(0) == 0xe220_a839_7b1d_cdaf)
  }

  @Test("pattern values equal those of the fixture scripts bit for bit")
  func knownValues() {
    #expect(
      pattern("conv1.weight", shape: [5])
        == [0.0901498794555664, -0.8503705263137817, 0.9200377464294434, 0.687371015548706, 0.384921669960022])
    #expect(
      pattern("é", shape: [3, 1], scale: 0.1, offset: 1)
        == [0.9860475659370422, 0.9564869999885559, 1.0171337127685547])
  }

  @Test("sampled indices are evenly strided and repeat in small tensors")
  func samples() {
    #expect(sampledIndices(count: 33) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
    #expect(sampledIndices(count: 4) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
  }
}
