import TestSupport
import Testing
import Torch

@Suite struct ForeachTests {
  private static let shapes = [[3], [2, 5], [4, 3, 2, 2], []]

  private static func tensors(_ name: String) -> [Tensor] {
    shapes.enumerated().map { Tensor.pattern("\(name) \($0)", $1, offset: 0.25) }
  }

  private func expectEqual(_ tensors: [Tensor], _ others: [Tensor]) {
    #expect(tensors.count == others.count)
    for (a, b) in zip(tensors, others) { #expect(a.isIdentical(to: b)) }
  }

  @Test("lists are changed as their tensors are one by one")
  func oneByOne() {
    let (first, second) = (Self.tensors("a"), Self.tensors("b"))
    expectEqual(Foreach.add(first, second, alpha: 0.5), zip(first, second).map { $0.clone().add_($1, alpha: 0.5) })
    var (list, single) = (first.map { $0.clone() }, first.map { $0.clone() })
    Foreach.add_(list, second, alpha: -2)
    for (a, b) in zip(single, second) { a.add_(b, alpha: -2) }
    expectEqual(list, single)
    Foreach.mul_(list, 0.3)
    for tensor in single { tensor.mul_(0.3) }
    expectEqual(list, single)
    Foreach.copy_(list, first)
    expectEqual(list, first)
    (list, single) = (first.map { $0.clone() }, first.map { $0.clone() })
    let factors = Tensor([0.5, -1, 2, 0.25] as [Float])
    Foreach.add_(list, second, scaledBy: factors)
    for (index, tensor) in single.enumerated() { tensor.add_(second[index] * factors.select(0, index)) }
    expectEqual(list, single)
  }

  @Test("norms are those of each tensor, and of all together")
  func norms() {
    let tensors = Self.tensors("a")
    #expect(Foreach.norms(tensors).isIdentical(to: Tensor.stack(tensors.map { $0.norm() })))
    let joint = Foreach.jointNorm(tensors)
    #expect(joint.dtype == .float64)
    let squares = tensors.reduce(0) { $0 + $1.to(.float64).pow(2).sum().item() }
    #expect(abs(joint.item() - squares.squareRoot()) < 1e-6)
  }

  @Test("a joint norm is finite where all elements are, and not beside an infinity or a NaN", arguments: [0, 1, 2])
  func finiteness(place: Int) {
    let large = Self.tensors("a").map { $0 * 1e18 }
    #expect(Foreach.jointNorm(large).item().isFinite)
    for bad in [Double.infinity, .nan] {
      let tensors = Self.tensors("a")
      tensors[place].flattened().narrow(0, 1..<2).fill_(bad)
      #expect(!Foreach.jointNorm(tensors).item().isFinite)
    }
  }
}
