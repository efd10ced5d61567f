import Testing
import Torch

@Suite struct InPlaceTests {
  @Test("whole numbers change tensors of integers in place, and leave them integers")
  func integers() {
    let count = Tensor([7] as [Int], shape: [])
    count.add_(1).mul_(3).add_(count.clone(), alpha: 2)
    #expect(count.dtype == .int64)
    #expect(count.item() == 72)
  }

  @Test("fractions change floating-point tensors in place")
  func fractions() {
    let values = Tensor([1, 2] as [Float])
    values.add_(0.5).mul_(2).add_(Tensor([2, 4] as [Float]), alpha: 0.5)
    #expect(values.array(of: Float.self) == [4, 7])
  }
}
