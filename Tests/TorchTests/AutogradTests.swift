import Foundation
import Testing
import Torch

@Suite struct AutogradTests {
  @Test("gradients flow through operations and add up in the leaves")
  func backward() {
    let x = Tensor([1, 2, 3] as [Float]).requireGradient()
    (x * x).sum().backward()
    #expect(x.gradient!.array(of: Float.self) == [2, 4, 6])
    (x * 3).sum().backward()
    #expect(x.gradient!.array(of: Float.self) == [5, 7, 9])
    x.gradient = nil
    #expect(x.gradient == nil)
  }

  @Test("nothing is recorded without gradients")
  func withoutRecording() {
    let x = Tensor.ones([2]).requireGradient()
    #expect(withoutGradients { x * 2 }.requiresGradient == false)
    #expect((x * 2).requiresGradient)
    #expect(x.detached().requiresGradient == false)
  }

  @Test("an operation written in Swift takes part in a graph, with several inputs and outputs")
  func differentiableOperation() {
    let sumAndProduct = DifferentiableOperation { inputs in
      let (a, b) = (inputs[0], inputs[1])
      return ([a + b, a * b], { gradients in [gradients[0] + gradients[1] * b, gradients[0] + gradients[1] * a] })
    }
    let a = Tensor([2, 3] as [Float]).requireGradient()
    let b = Tensor([5, 7] as [Float]).requireGradient()
    let results = sumAndProduct(a * 2, b)
    #expect(results[1].array(of: Float.self) == [20, 42])
    (results[0] + results[1] * 10).sum().backward()
    #expect(a.gradient!.array(of: Float.self) == [102, 142])
    #expect(b.gradient!.array(of: Float.self) == [41, 61])
  }

  @Test("a sigmoid is 1 / (1 + exp(−x)) with the slope y (1 − y), at extremes too")
  func sigmoid() {
    let x = Tensor([-1000.0, -3, 0, 0.5, 1000]).requireGradient()
    let y = x.sigmoid()
    (y * Tensor([1.0, 2, 3, 4, 5])).sum().backward()
    let expected = [-1000.0, -3, 0, 0.5, 1000].map { 1 / (1 + Foundation.exp(-$0)) }
    #expect(zip(y.array(of: Double.self), expected).allSatisfy { ($0 - $1).magnitude < 1e-15 })
    let slopes = zip(expected, [1.0, 2, 3, 4, 5]).map { $0 * (1 - $0) * $1 }
    #expect(zip(x.gradient!.array(of: Double.self), slopes).allSatisfy { ($0 - $1).magnitude < 1e-15 })
  }

  @Test("an output that is not used counts as a gradient of zero, an input without gradient gets none")
  func partialGradients() {
    let split = DifferentiableOperation { inputs in
      ([inputs[0] * 2, inputs[1] * 3], { [$0[0] * 2, nil] })
    }
    let a = Tensor([1] as [Float]).requireGradient()
    let b = Tensor([1] as [Float]).requireGradient()
    split(a, b)[0].sum().backward()
    #expect(a.gradient!.item() == 2)
    #expect(b.gradient == nil)
  }

  @Test("autocast multiplies in the asked type and ends with its scope")
  func autocast() {
    let a = Tensor.ones([4, 4])
    #expect(withAutocast(.cpu, .bfloat16) { a.matmul(a).dtype } == .bfloat16)
    #expect(withAutocast(.cpu, .float32) { a.matmul(a).dtype } == .float32)
    #expect(a.matmul(a).dtype == .float32)
    let nested = withAutocast(.cpu, .bfloat16) { withAutocast(.cpu, .float32) { a.matmul(a).dtype } }
    #expect(nested == .float32)
  }
}
