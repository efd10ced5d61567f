import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed

/// Ranks that share a batch are compared with the plain formula over the whole batch, in float64.
@Suite struct DistributedLossTests {
  private static func views(_ count: Int) -> [Tensor] {
    ["first", "second"].map { Tensor.pattern($0, [count, 7]).to(.float64) }
  }

  /// −log softmax over all other views of the cosine with the positive, by the book.
  private static func reference(_ views: [Tensor], temperature: Double) -> (loss: Double, gradients: [Tensor]) {
    let leaves = views.map { $0.clone().requireGradient() }
    let count = views[0].shape[0]
    let z = Functional.normalize(Tensor.concatenate(leaves))
    let logits = z.matmul(z.transposed()) / temperature
    let index = Tensor.arange(0..<2 * count)
    let diagonal = index.unsqueezed(1).equal(index.unsqueezed(0))
    let positives = Tensor((0..<2 * count).map { ($0 + count) % (2 * count) })
    let loss = Functional.crossEntropy(logits.maskedFill(diagonal, -.infinity), target: positives)
    loss.backward()
    return (loss.item(), leaves.map { $0.gradient! })
  }

  @Test(
    "the loss and its gradient are those of one process, whatever the world size and the batch",
    arguments: [1, 2, 3, 4], [1, 2, 5, 7])
  func equalsReference(size: Int, perRank: Int) throws {
    for temperature in [0.1, 0.5] {
      let all = Self.views(size * perRank)
      let expected = Self.reference(all, temperature: temperature)
      let parts = try withRanks(size) { world -> (loss: Double, gradients: [Tensor]) in
        let own = world.rank * perRank..<(world.rank + 1) * perRank
        let leaves = all.map { $0.narrow(0, own).clone().requireGradient() }
        let loss = NTXentLoss(temperature: temperature, over: world.group)(leaves[0], leaves[1])
        loss.backward()
        return (loss.item(), leaves.map { $0.gradient! })
      }
      #expect((parts.map(\.loss).reduce(0, +) - expected.loss).magnitude < 1e-13)
      for view in 0..<2 {
        let gradient = Tensor.concatenate(parts.map { $0.gradients[view] })
        #expect(gradient.largestDifference(from: expected.gradients[view]) < 1e-13)
      }
    }
  }

  @Test("only embeddings cross from rank to rank, not similarities")
  func traffic() throws {
    let counts = try withRanks(3) { world in
      let first = Tensor.randn([100, 4], generator: Generator(seed: UInt64(world.rank)))
      let before = world.group.sentBytes
      _ = NTXentLoss(temperature: 0.5, over: world.group)(first, first)
      return world.group.sentBytes - before
    }
    // 200 views of four floats, to two others.
    #expect(counts.allSatisfy { $0 == 2 * 200 * 4 * 4 })
  }
}
