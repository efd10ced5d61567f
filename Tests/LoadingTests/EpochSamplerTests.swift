import Loading
import TestSupport
import Testing

@Suite("Epoch sampler")
struct EpochSamplerTests {
  @Test("an epoch is a permutation, another one in each epoch and for each seed")
  func permutes() throws {
    let sampler = try EpochSampler(count: 1000, globalBatchSize: 100, seed: 9)
    let orders = (0..<3).map(sampler.permutation(epoch:))
    for order in orders { #expect(order.sorted() == Array(0..<1000)) }
    #expect(Set(orders).count == 3)
    #expect(orders[0] == sampler.permutation(epoch: 0))
    #expect(try orders[0] != EpochSampler(count: 1000, globalBatchSize: 100, seed: 10).permutation(epoch: 0))
    // From an implementation of Philox and Fisher–Yates in Python: a resumed run needs the same order from every later version.
    #expect(
      try EpochSampler(count: 10, globalBatchSize: 1, seed: 42).permutation(epoch: 1) == [4, 7, 1, 3, 2, 9, 6, 5, 0, 8])
  }

  @Test("a part of a global batch is the same set of images at any world size", arguments: [1, 2, 3, 4])
  func parts(worldSize: Int) throws {
    let alone = try EpochSampler(count: 100, globalBatchSize: 24, seed: 3, accumulationSteps: 2)
    let ranks = try (0..<worldSize).map {
      try EpochSampler(
        count: 100, globalBatchSize: 24, seed: 3, rank: $0, worldSize: worldSize, accumulationSteps: 2
      ).indices(epoch: 1, batch: 2)
    }
    for part in 0..<2 {
      let length = 12 / worldSize
      let shared = ranks.flatMap { $0[part * length..<(part + 1) * length] }
      #expect(shared == Array(alone.indices(epoch: 1, batch: 2)[part * 12..<part * 12 + 12]))
    }
  }

  @Test("every image comes first equally often")
  func isUniform() throws {
    let sampler = try EpochSampler(count: 8, globalBatchSize: 1, seed: 0)
    var counts = [Int](repeating: 0, count: 8)
    for epoch in 0..<8000 { counts[sampler.permutation(epoch: epoch)[0]] += 1 }
    // Five standard deviations of a binomial with n = 8000, p = 1/8.
    for count in counts { #expect(abs(count - 1000) < 150) }
  }

  @Test("global batches are the same at any world size, and ragged ends are dropped", arguments: [1, 2, 4, 8])
  func worldSizes(worldSize: Int) throws {
    let whole = try EpochSampler(count: 100, globalBatchSize: 16, seed: 5)
    #expect(whole.batchesPerEpoch == 6)
    for batch in 0..<6 {
      let parts = try (0..<worldSize).flatMap {
        try EpochSampler(count: 100, globalBatchSize: 16, seed: 5, rank: $0, worldSize: worldSize)
          .indices(epoch: 7, batch: batch)
      }
      #expect(parts == whole.indices(epoch: 7, batch: batch))
    }
  }

  @Test("refuses what cannot work, naming what would")
  func messages() {
    #expect(
      message { _ = try EpochSampler(count: 300, globalBatchSize: 512, seed: 0) }
        == "a global batch of 512 is larger than the data set (300 images): use at most 300")
    #expect(
      message { _ = try EpochSampler(count: 300, globalBatchSize: 512, seed: 0, worldSize: 8) }
        == "a global batch of 512 is larger than the data set (300 images): use at most 296")
    #expect(
      message { _ = try EpochSampler(count: 1000, globalBatchSize: 512, seed: 0, worldSize: 3) }
        == "a global batch of 512 cannot be split evenly over 3 processes: use 510 or 513")
    #expect(
      message { _ = try EpochSampler(count: 1000, globalBatchSize: 512, seed: 0, worldSize: 3, accumulationSteps: 4) }
        == "a global batch of 512 cannot be split evenly over 3 processes with 4 accumulation steps: use 504 or 516"
    )
    #expect(
      message { _ = try EpochSampler(count: 1000, globalBatchSize: 0, seed: 0) }
        == "a global batch of 0: expected at least 1")
  }
}
