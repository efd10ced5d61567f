import Torch

/// Minimizes a smooth function by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright,
/// *Numerical Optimization*, 2nd edition, algorithm 7.5) with steps that fulfill the Wolfe conditions, found by doubling and
/// halving (Lewis and Overton, *Nonsmooth optimization via quasi-Newton methods*, 2013, algorithm 2.6).
package struct LBFGS {
  /// Pairs of steps and changes of the gradient that are kept.
  package var memory = 10
  package var maximumIterations = 1000
  /// The search ends where no element of the gradient is larger.
  package var gradientTolerance = 1e-6

  /// How a step must lower the function, and its slope, to be taken.
  private static let (decrease, curvature) = (1e-4, 0.9)
  private static let maximumTrials = 50

  package init() {}

  /// Searches from `start` (float64, a vector).
  ///
  /// - Parameters:
  ///   - function: the value at a point, and the gradient there.
  ///   - onIteration: hears how many steps were made, and the value.
  /// - Returns: the point reached: where the gradient vanishes, or no step lowers the value any more, or after so many steps.
  package func minimize(
    from start: Tensor, onIteration: (_ done: Int, _ value: Double) -> Void = { _, _ in },
    _ function: (Tensor) -> (value: Double, gradient: Tensor)
  ) -> Tensor {
    var point = start
    var (value, gradient) = function(point)
    var history: [(step: Tensor, change: Tensor)] = []
    for iteration in 0..<maximumIterations {
      guard value.isFinite, gradient.abs().max().item() > gradientTolerance else { break }
      var direction = Self.direction(of: gradient, history)
      var slope = Self.dot(direction, gradient)
      if slope >= 0 {
        // Rounding has spoiled what was kept: start anew, downhill.
        history = []
        direction = -gradient
        slope = Self.dot(direction, gradient)
      }
      let first = history.isEmpty ? min(1, 1 / gradient.abs().sum().item()) : 1
      guard let next = Self.step(from: point, value, along: direction, slope, first: first, function) else { break }
      let (step, change) = (next.point - point, next.gradient - gradient)
      if Self.dot(step, change) > 0 { history.append((step, change)) }
      if history.count > memory { history.removeFirst() }
      (point, value, gradient) = next
      onIteration(iteration + 1, value)
    }
    return point
  }

  /// The quasi-Newton direction: the two loops of algorithm 7.4.
  private static func direction(of gradient: Tensor, _ history: [(step: Tensor, change: Tensor)]) -> Tensor {
    let result = -gradient
    var shares: [Double] = []
    for (step, change) in history.reversed() {
      let share = dot(step, result) / dot(step, change)
      result.add_(change, alpha: -share)
      shares.append(share)
    }
    if let (step, change) = history.last { result.mul_(dot(step, change) / dot(change, change)) }
    for ((step, change), share) in zip(history, shares.reversed()) {
      result.add_(step, alpha: share - dot(change, result) / dot(step, change))
    }
    return result
  }

  /// A point along a direction that fulfills both conditions; nil where rounding leaves none.
  private static func step(
    from point: Tensor, _ value: Double, along direction: Tensor, _ slope: Double, first: Double,
    _ function: (Tensor) -> (value: Double, gradient: Tensor)
  ) -> (point: Tensor, value: Double, gradient: Tensor)? {
    var (low, high, length) = (0.0, Double.infinity, first)
    for _ in 0..<maximumTrials {
      let next = point + direction * length
      let (nextValue, nextGradient) = function(next)
      if !(nextValue <= value + decrease * length * slope) {
        high = length
      } else if dot(nextGradient, direction) < curvature * slope {
        low = length
      } else {
        return (next, nextValue, nextGradient)
      }
      length = high.isFinite ? (low + high) / 2 : 2 * low
    }
    return nil
  }

  private static func dot(_ one: Tensor, _ other: Tensor) -> Double { (one * other).sum().item() }
}
