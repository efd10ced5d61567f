import Foundation
import TestSupport
import Testing
import Torch

/// The loops of float32 on the CPU and libtorch's operations, which do all else, are held to the same float64 numbers.
@Suite struct ContrastTests {
  /// Whole tiles of 32 columns and what is left of them; one chunk of 64 rows, several, and a part of one.
  private static let shapes = [[1, 1], [3, 31], [64, 32], [70, 33], [200, 100]]

  @Test("exponentials and their sums are those of float64, to the last bits", arguments: shapes)
  func exponentials(shape: [Int]) {
    for dtype in [DType.float32, .float64] {
      let logits = logits(shape, dtype)
      let expected = logits.to(.float64).exp()
      let sums = [Tensor.ones([shape[0]], dtype: .float64), Tensor.ones([shape[1]], dtype: .float64)]
      Functional.exponentiate_(logits, rowSums: sums[0], columnSums: sums[1])
      let tolerance = dtype == .float64 ? 1e-14 : 2e-7
      expectClose(logits, expected, tolerance)
      expectClose(sums[0], expected.sum(1) + 1, 10 * tolerance)
      expectClose(sums[1], expected.sum(0) + 1, 10 * tolerance)
    }
  }

  @Test("weights of rows and columns multiply the exponentials", arguments: shapes)
  func weights(shape: [Int]) {
    for dtype in [DType.float32, .float64] {
      let logits = logits(shape, dtype)
      let rows = Tensor.uniform([shape[0]], in: 0.1..<1, generator: Generator(seed: 2), dtype: dtype)
      let columns = Tensor.uniform([shape[1]], in: 0.1..<1, generator: Generator(seed: 3), dtype: dtype)
      let expected = logits.to(.float64).exp() * (rows.to(.float64).unsqueezed(1) + columns.to(.float64))
      Functional.weighExponentials_(logits, rowWeights: rows, columnWeights: columns)
      expectClose(logits, expected, dtype == .float64 ? 1e-14 : 4e-7)
    }
  }

  @Test("what is masked counts nothing, and what is not a number stays none", arguments: [DType.float32, .float64])
  func extremes(dtype: DType) {
    let logits = Tensor([-Float.infinity, .nan, 0, -3e38, -80, 64], shape: [2, 3]).to(dtype)
    let sums = Tensor.zeros([2], dtype: .float64)
    Functional.exponentiate_(logits, rowSums: sums)
    let values = logits.array(of: Double.self)
    #expect(values[0] == 0 && values[1].isNaN && values[2] == 1 && values[3] == 0)
    #expect(abs(values[4] / exp(-80) - 1) < 2e-7 && abs(values[5] / exp(64) - 1) < 2e-7)
    #expect(sums.array(of: Double.self)[0].isNaN && sums.array(of: Double.self)[1] == values[4] + values[5])
  }

  @Test("threads do not show in the sums")
  func threads() {
    let before = TorchRuntime.threadCount
    defer { TorchRuntime.setThreadCount(before) }
    let results = [1, 2, 4].map { threads in
      TorchRuntime.setThreadCount(threads)
      let sums = [Tensor.zeros([200], dtype: .float64), Tensor.zeros([100], dtype: .float64)]
      Functional.exponentiate_(logits([200, 100], .float32), rowSums: sums[0], columnSums: sums[1])
      return Tensor.concatenate(sums)
    }
    #expect(results.allSatisfy { $0.isIdentical(to: results[0]) })
  }

  private func logits(_ shape: [Int], _ dtype: DType) -> Tensor {
    Tensor.uniform(shape, in: -64..<64, generator: Generator(seed: 1), dtype: dtype)
  }

  /// Every element within `tolerance` of itself.
  private func expectClose(_ actual: Tensor, _ expected: Tensor, _ tolerance: Double) {
    let ones = Tensor.ones(expected.shape, dtype: .float64)
    #expect((actual.to(.float64) / expected).largestDifference(from: ones) <= tolerance)
  }
}
