import Foundation
import Torch

/// The forces of all points by way of a grid (Linderman et al., *Fast interpolation-based t-SNE for improved visualization of
/// single-cell RNA-seq data*, 2019): what points carry is spread over the nodes of a grid by Lagrange polynomials, the nodes act
/// on each other by a convolution, which fast Fourier transforms do, and points get the result by the same polynomials. It
/// takes time linear in the number of points and in the area that they cover.
package struct InterpolatedRepulsion: Repulsion {
  /// Nodes in each direction of a box.
  private static let nodes = 3
  /// Boxes in each direction, at least.
  private static let leastBoxes = 50
  /// The most that the side of a box may be: polynomials of three nodes follow the forces to 3 % then.
  private static let largestBox = 0.8
  /// What points carry: 1, x, y, x² + y².
  private static let charges = 4

  package init() {}

  package func callAsFunction(_ points: [SIMD2<Double>]) -> (forces: [SIMD2<Double>], total: Double) {
    let grid = Grid(around: points)
    let spread = Tensor(grid.spread(points), shape: [Self.charges, grid.side, grid.side])
    let potentials = withoutGradients { spread.convolved(with: grid.kernel()) }.array(of: Double.self)
    return grid.gather(potentials, points)
  }

  /// Squares that cover all points, with nodes in them: at 1/6, 3/6 and 5/6 of each side, so that all are equally far apart.
  private struct Grid {
    let origin: SIMD2<Double>
    let boxes: Int
    let boxSize: Double
    var side: Int { boxes * nodes }
    private var nodes: Int { InterpolatedRepulsion.nodes }

    init(around points: [SIMD2<Double>]) {
      var (low, high) = (points[0], points[0])
      for point in points {
        low = pointwiseMin(low, point)
        high = pointwiseMax(high, point)
      }
      let extent = max((high - low).max(), 1e-12)
      boxes = Self.goodSize(
        atLeast: max(InterpolatedRepulsion.leastBoxes, Int((extent / InterpolatedRepulsion.largestBox).rounded(.up))))
      boxSize = extent * (1 + 1e-9) / Double(boxes)
      origin = (low + high) / 2 - extent * (1 + 1e-9) / 2
    }

    /// The next number that Fourier transforms are quick with.
    private static func goodSize(atLeast size: Int) -> Int {
      (size...).first { candidate in
        var rest = candidate
        for factor in [2, 3, 5] {
          while rest.isMultiple(of: factor) { rest /= factor }
        }
        return rest == 1
      }!
    }

    /// q² of the offset between two nodes; negative offsets stand at the end.
    func kernel() -> Tensor {
      let (size, spacing) = (2 * side, boxSize / Double(nodes))
      let squares = (0..<size).map { place -> Double in
        let offset = Double(min(place, size - place)) * spacing
        return offset * offset
      }
      let values = [Double](unsafeUninitializedCapacity: size * size) { values, count in
        nonisolated(unsafe) let out = values
        inParallel(size) { rows in
          squares.withUnsafeBufferPointer { squares in
            for row in rows {
              for column in 0..<size {
                let q = 1 / (1 + squares[row] + squares[column])
                out[row * size + column] = q * q
              }
            }
          }
        }
        count = size * size
      }
      return Tensor(values, shape: [size, size])
    }

    /// The first node of a point's box, and how much of it goes to each of the box's nodes.
    @inline(__always)
    private func place(_ coordinate: Double, _ origin: Double) -> (first: Int, weights: SIMD3<Double>) {
      let position = (coordinate - origin) / boxSize
      let box = min(max(Int(position), 0), boxes - 1)
      // In units of the distance between nodes, from the middle one.
      let t = (position - Double(box)) * 3 - 1.5
      return (box * 3, SIMD3(t * (t - 1) / 2, 1 - t * t, t * (t + 1) / 2))
    }

    func spread(_ points: [SIMD2<Double>]) -> [Double] {
      let (side, area) = (side, side * side)
      var values = [Double](repeating: 0, count: InterpolatedRepulsion.charges * area)
      values.withUnsafeMutableBufferPointer { values in
        for point in points {
          let (column, across) = place(point.x, origin.x)
          let (row, down) = place(point.y, origin.y)
          let square = (point * point).sum()
          for i in 0..<3 {
            for j in 0..<3 {
              let (node, share) = ((row + i) * side + column + j, down[i] * across[j])
              values[node] += share
              values[area + node] += share * point.x
              values[2 * area + node] += share * point.y
              values[3 * area + node] += share * square
            }
          }
        }
      }
      return values
    }

    /// With the potentials φ of the four charges, q² (y_i − y_j) sums up to y_i φ₁ − (φ₂, φ₃), and q = q² (1 + ‖y_i − y_j‖²) to
    /// (1 + ‖y_i‖²) φ₁ − 2 y_i · (φ₂, φ₃) + φ₄, in which a point counts itself as 1.
    func gather(
      _ potentials: [Double], _ points: [SIMD2<Double>]
    ) -> (forces: [SIMD2<Double>], total: Double) {
      let (side, area) = (side, side * side)
      var forces = [SIMD2<Double>](repeating: .zero, count: points.count)
      var totals = [Double](repeating: 0, count: points.count)
      forces.withUnsafeMutableBufferPointer { forces in
        totals.withUnsafeMutableBufferPointer { totals in
          nonisolated(unsafe) let (forces, totals) = (forces, totals)
          inParallel(points.count) { part in
            potentials.withUnsafeBufferPointer { potentials in
              for index in part {
                let point = points[index]
                let (column, across) = place(point.x, origin.x)
                let (row, down) = place(point.y, origin.y)
                var phi = SIMD4<Double>.zero
                for i in 0..<3 {
                  for j in 0..<3 {
                    let (node, share) = ((row + i) * side + column + j, down[i] * across[j])
                    phi +=
                      share
                      * SIMD4(
                        potentials[node], potentials[area + node], potentials[2 * area + node],
                        potentials[3 * area + node])
                  }
                }
                let drawn = SIMD2(phi.y, phi.z)
                forces[index] = point * phi.x - drawn
                totals[index] =
                  (1 + (point * point).sum()) * phi.x - 2 * (point * drawn).sum() + phi.w - 1
              }
            }
          }
        }
      }
      return (forces, totals.reduce(0, +))
    }
  }
}
