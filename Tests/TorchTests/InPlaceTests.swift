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

  @Test("rounding, remainders and bounds in place are libtorch's")
  func rounding() {
    func values() -> Tensor { Tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 7.25] as [Float]) }
    #expect(values().floor_().array(of: Float.self) == [-2, -1, 0, 1, 2, 7])
    #expect(values().round_().array(of: Float.self) == [-2, 0, 0, 2, 2, 7])
    #expect(values().clamp_(-1...2).array(of: Float.self) == [-1, -0.5, 0.5, 1.5, 2, 2])
    #expect(values().remainder_(2).array(of: Float.self) == [0.5, 1.5, 0.5, 1.5, 0.5, 1.25])
    #expect(Tensor([-3, 7] as [Int]).remainder_(5).clamp_(0...1).array(of: Int.self) == [1, 1])
  }

  @Test("named slices become those of another tensor, also where that repeats one")
  func indexCopy() {
    let values = Tensor.zeros([4, 2])
    values.indexCopy_(0, Tensor([3, 1] as [Int]), Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
    #expect(values.array(of: Float.self) == [0, 0, 3, 4, 0, 0, 1, 2])
    values.indexCopy_(0, Tensor([0, 2] as [Int]), Tensor([5, 6] as [Float], shape: [2, 1]).expanded([2, 2]))
    #expect(values.array(of: Float.self) == [5, 5, 3, 4, 6, 6, 1, 2])
  }

  @Test("the smaller of two, and the smallest along a dimension")
  func minima() {
    let values = Tensor([4, -1, 2, 8] as [Float], shape: [2, 2])
    #expect(values.minimum(values.transposed()).array(of: Float.self) == [4, -1, -1, 8])
    #expect(values.amin(0).array(of: Float.self) == [2, -1])
    #expect(values.amin(1, keepDimension: true).shape == [2, 1])
  }
}
