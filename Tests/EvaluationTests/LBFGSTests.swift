import Evaluation
import Testing
import Torch

@Suite("L-BFGS")
struct LBFGSTests {
  /// Rosenbrock's function of any number of pairs, with the minimum 0 where all are 1.
  private func rosenbrock(_ point: Tensor) -> (value: Double, gradient: Tensor) {
    let values = point.array(of: Double.self)
    var (value, gradient) = (0.0, [Double](repeating: 0, count: values.count))
    for place in stride(from: 0, to: values.count, by: 2) {
      let (x, y) = (values[place], values[place + 1])
      value += 100 * (y - x * x) * (y - x * x) + (1 - x) * (1 - x)
      gradient[place] = -400 * x * (y - x * x) - 2 * (1 - x)
      gradient[place + 1] = 200 * (y - x * x)
    }
    return (value, Tensor(gradient))
  }

  @Test("Rosenbrock's valley is followed to its minimum, and the value falls at every step")
  func rosenbrockMinimum() {
    var values: [Double] = []
    var search = LBFGS()
    search.gradientTolerance = 1e-10
    let start = Tensor((0..<20).map { $0 % 2 == 0 ? -1.2 : 1 } as [Double])
    let found = search.minimize(from: start, onIteration: { values.append($1) }, rosenbrock)
    #expect(greatestDifference(found, Tensor.ones([20], dtype: .float64)) < 1e-8)
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 > $1 })
    #expect(values.count < 100)
    #expect(start.array(of: Double.self)[0] == -1.2)
  }

  @Test("a quadratic function of very unequal curvatures is minimized")
  func quadratic() {
    let curvatures = Tensor((0..<30).map { 1.3 * Double(1 << ($0 / 2)) })
    let target = Tensor((0..<30).map { Double($0) - 10 })
    let found = LBFGS().minimize(from: Tensor.zeros([30], dtype: .float64)) { point in
      let off = point - target
      return ((curvatures * off * off).sum().item() / 2, curvatures * off)
    }
    #expect(greatestDifference(found, target) < 1e-5)
  }

  @Test("the search ends after as many steps as it may take, and at once where it starts at the minimum")
  func limits() {
    var steps = 0
    var search = LBFGS()
    search.maximumIterations = 3
    _ = search.minimize(from: Tensor([-1.2, 1.0]), onIteration: { done, _ in steps = done }, rosenbrock)
    #expect(steps == 3)
    steps = 0
    _ = search.minimize(from: Tensor([1.0, 1.0]), onIteration: { done, _ in steps = done }, rosenbrock)
    #expect(steps == 0)
  }
}
