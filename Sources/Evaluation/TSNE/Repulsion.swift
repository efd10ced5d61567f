import Foundation

/// How points on a plane push each other away in t-SNE: with q = 1 / (1 + ‖y_i − y_j‖²), the sums over j of q² (y_i − y_j), and
/// the sum Z of q over all pairs of two points.
package protocol Repulsion {
  /// - Returns: the forces, not divided by Z, and Z.
  func callAsFunction(_ points: [SIMD2<Double>]) -> (forces: [SIMD2<Double>], total: Double)
}

/// Every pair is looked at: exact, and quadratic in the number of points.
package struct ExactRepulsion: Repulsion {
  package init() {}

  package func callAsFunction(_ points: [SIMD2<Double>]) -> (forces: [SIMD2<Double>], total: Double) {
    var forces = [SIMD2<Double>](repeating: .zero, count: points.count)
    var totals = [Double](repeating: 0, count: points.count)
    forces.withUnsafeMutableBufferPointer { forces in
      totals.withUnsafeMutableBufferPointer { totals in
        nonisolated(unsafe) let (forces, totals) = (forces, totals)
        inParallel(points.count) { part in
          points.withUnsafeBufferPointer { points in
            for i in part {
              var (force, total) = (SIMD2<Double>.zero, 0.0)
              for j in points.indices where j != i {
                let difference = points[i] - points[j]
                let q = 1 / (1 + (difference * difference).sum())
                total += q
                force += q * q * difference
              }
              (forces[i], totals[i]) = (force, total)
            }
          }
        }
      }
    }
    return (forces, totals.reduce(0, +))
  }
}
