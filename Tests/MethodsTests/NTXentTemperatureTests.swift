import Foundation
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed

/// From temperatures whose exponentials no type holds to those at which all views weigh alike, in one process and in
/// several, against the formula written out in float64.
@Suite struct NTXentTemperatureTests {
  private static let temperatures = [0.001, 0.01, 0.0156, 0.0157, 0.05, 0.1, 0.5, 1, 10]
  /// Several blocks of 512 views, and one that is not whole.
  private static let pairs = 600

  /// Pairs that are near each other, exactly alike, and opposed.
  private static func views() -> [Tensor] {
    let generator = Generator(seed: 5)
    let first = Tensor.randn([pairs, 8], generator: generator, dtype: .float64)
    let second = first + 0.5 * Tensor.randn([pairs, 8], generator: generator, dtype: .float64)
    second.narrow(0, 0..<5).copy_(first.narrow(0, 0..<5))
    second.narrow(0, 5..<8).copy_(-first.narrow(0, 5..<8))
    return [first, second].map { $0.to(.float32).to(.float64) }
  }

  private static func reference(_ views: [Tensor], _ temperature: Double) -> (loss: Double, gradients: [Tensor]) {
    let leaves = views.map { $0.clone().requireGradient() }
    let count = 2 * views[0].shape[0]
    let z = Functional.normalize(Tensor.concatenate(leaves))
    let index = Tensor.arange(0..<count)
    let logits = (z.matmul(z.transposed()) / temperature)
      .maskedFill(index.unsqueezed(1).equal(index.unsqueezed(0)), -.infinity)
    let loss = Functional.crossEntropy(logits, target: Tensor((0..<count).map { ($0 + count / 2) % count }))
    loss.backward()
    return (loss.item(), leaves.map { $0.gradient! })
  }

  @Test("one process: float64 to rounding, float32 to what rounding a cosine costs", arguments: temperatures)
  func oneProcess(temperature: Double) throws {
    let expected = Self.reference(Self.views(), temperature)
    let size = expected.gradients.map(\.largestMagnitude).max()!
    for dtype in [DType.float64, .float32] {
      let leaves = Self.views().map { $0.to(dtype).clone().requireGradient() }
      let loss = NTXentLoss(temperature: temperature)(leaves[0], leaves[1])
      loss.backward()
      // A cosine is rounded by 6e-8 in float32, and the temperature magnifies it.
      let rounding = dtype == .float64 ? 1e-13 : 3e-7 * (1 + 1 / temperature)
      #expect((loss.item() - expected.loss).magnitude <= rounding * max(1, expected.loss))
      for (leaf, wanted) in zip(leaves, expected.gradients) {
        #expect(try #require(leaf.gradient).largestDifference(from: wanted) <= 10 * rounding * size)
      }
    }
  }

  @Test("three processes: the same, in float64", arguments: temperatures)
  func threeProcesses(temperature: Double) throws {
    let all = Self.views()
    let expected = Self.reference(all, temperature)
    let parts = try withRanks(3) { world -> (loss: Double, gradients: [Tensor]) in
      let own = world.rank * Self.pairs / 3..<(world.rank + 1) * Self.pairs / 3
      let leaves = all.map { $0.narrow(0, own).clone().requireGradient() }
      let loss = NTXentLoss(temperature: temperature, over: world.group)(leaves[0], leaves[1])
      loss.backward()
      return (loss.item(), leaves.map { $0.gradient! })
    }
    #expect((parts.map(\.loss).reduce(0, +) - expected.loss).magnitude <= 1e-12 * max(1, expected.loss))
    let size = expected.gradients.map(\.largestMagnitude).max()!
    for view in 0..<2 {
      let gradient = Tensor.concatenate(parts.map { $0.gradients[view] })
      #expect(gradient.largestDifference(from: expected.gradients[view]) <= 1e-12 * size)
    }
  }

  @Test("a loss that is all but gone is known to float32's digits")
  func smallLoss() {
    // Two images at a right angle: each view has a positive of cosine 1 and two negatives of cosine 0.
    let views = Tensor([1, 0, 0, 1] as [Float], shape: [2, 2])
    let loss = NTXentLoss(temperature: 0.05)(views, views)
    #expect(abs(loss.item() / log1p(2 * exp(-20)) - 1) < 1e-6)
  }

  @Test("what is not a number shows in loss and gradient")
  func notANumber() {
    let first = Tensor.randn([40, 4], generator: Generator(seed: 1))
    first.narrow(0, 7..<8).fill_(.nan)
    let leaf = first.requireGradient()
    let loss = NTXentLoss(temperature: 0.1)(leaf, Tensor.randn([40, 4], generator: Generator(seed: 2)))
    loss.backward()
    #expect(loss.item().isNaN && !leaf.gradient!.isFinite().all())
  }

  @Test("the same threads give the same bits")
  func deterministic() {
    let results = (0..<3).map { _ in
      let leaves = Self.views().map { $0.to(.float32).clone().requireGradient() }
      let loss = NTXentLoss(temperature: 0.1)(leaves[0], leaves[1])
      loss.backward()
      return Tensor.concatenate([loss.detached().reshaped([1])] + leaves.map { $0.gradient!.flattened() })
    }
    #expect(results.allSatisfy { $0.isIdentical(to: results[0]) })
  }
}
