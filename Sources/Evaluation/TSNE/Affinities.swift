import Foundation
import Torch

/// How likely each of N points is to be a neighbor of each other one, symmetric and with the sum 1 over all pairs: a sparse
/// matrix, row by row (van der Maaten and Hinton, *Visualizing Data using t-SNE*, 2008, equations 1 and 2).
///
/// Of each point only the 3 · perplexity nearest count (van der Maaten, *Accelerating t-SNE using Tree-Based Algorithms*, 2014,
/// section 4.1); a pair counts if one is among the nearest of the other.
package struct Affinities: Sendable {
  /// Where each row begins in ``columns`` and ``values``; N + 1 places.
  package let rowStarts: [Int]
  /// Of each row in ascending order.
  package let columns: [Int32]
  package let values: [Float]

  var count: Int { rowStarts.count - 1 }

  /// - Parameters:
  ///   - points: `[N, D]`, float32, on the CPU.
  ///   - perplexity: how many neighbors a point has in effect, above 1.
  ///   - onProgress: hears how many points have found their neighbors.
  package init(of points: Tensor, perplexity: Double, onProgress: (_ done: Int) -> Void = { _ in }) {
    let count = points.shape[0]
    let neighbors = max(1, min(count - 1, Int(3 * perplexity)))
    var places = [Int32](repeating: 0, count: count * neighbors)
    var weights = [Float](repeating: 0, count: count * neighbors)
    let search = NeighborSearch(.euclidean)
    search.forEachBlock(of: points, in: points, count: neighbors + 1) { rows, _, found in
      let asked = points.narrow(0, rows)
      // Similarities are differences of large numbers: distances of the few that were found are computed anew.
      let near = points.indexSelect(0, found.flattened()).reshaped([rows.count, found.shape[1], points.shape[1]])
      let distances = (near - asked.unsqueezed(1)).pow(2).sum(2).array(of: Double.self)
      let found = found.array(of: Int32.self)
      Self.keepOthers(
        of: rows, found, distances, perplexity: perplexity, neighbors: neighbors, &places, &weights)
      onProgress(rows.upperBound)
    }
    self.init(places: places, weights: weights, neighbors: neighbors, count: count)
  }

  /// Turns the neighbors of a block of points, less the points themselves, into weights.
  private static func keepOthers(
    of rows: Range<Int>, _ found: [Int32], _ distances: [Double], perplexity: Double, neighbors: Int,
    _ places: inout [Int32], _ weights: inout [Float]
  ) {
    let all = neighbors + 1
    places.withUnsafeMutableBufferPointer { places in
      weights.withUnsafeMutableBufferPointer { weights in
        nonisolated(unsafe) let (places, weights) = (places, weights)
        inParallel(rows.count) { part in
          for place in part {
            let row = rows.lowerBound + place
            var kept = (place * all..<(place + 1) * all).filter { found[$0] != Int32(row) }
            // One of several points that are the same may not have found itself.
            if kept.count > neighbors { kept.removeLast() }
            let probabilities = self.probabilities(of: kept.map { distances[$0] }, perplexity: perplexity)
            for (column, index) in kept.enumerated() {
              places[row * neighbors + column] = found[index]
              weights[row * neighbors + column] = Float(probabilities[column])
            }
          }
        }
      }
    }
  }

  /// exp(−β d²) over their sum, with β such that the entropy is the logarithm of the perplexity (equation 1).
  static func probabilities(of squaredDistances: [Double], perplexity: Double) -> [Double] {
    let wanted = log(min(perplexity, Double(squaredDistances.count)))
    let least = squaredDistances.min() ?? 0
    var (beta, low, high) = (1.0, 0.0, Double.infinity)
    var weights: [Double] = []
    for _ in 0..<200 {
      weights = squaredDistances.map { exp(-beta * ($0 - least)) }
      let sum = weights.reduce(0, +)
      let entropy = log(sum) + beta * zip(weights, squaredDistances).reduce(0) { $0 + $1.0 * ($1.1 - least) } / sum
      let off = entropy - wanted
      if abs(off) < 1e-7 { break }
      if off > 0 { low = beta } else { high = beta }
      beta = high.isFinite ? (low + high) / 2 : beta * 2
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Adds the matrix of weights, row by row with as many in each, to its transposed, and divides by 2 N.
  private init(places: [Int32], weights: [Float], neighbors: Int, count: Int) {
    var starts = [Int](repeating: 0, count: count + 1)
    for place in places { starts[Int(place) + 1] += 1 }
    for row in 0..<count { starts[row + 1] += starts[row] }
    var (incoming, next) = ([(row: Int32, weight: Float)](repeating: (0, 0), count: places.count), starts)
    for (index, place) in places.enumerated() {
      incoming[next[Int(place)]] = (Int32(index / neighbors), weights[index])
      next[Int(place)] += 1
    }
    var rowStarts = [0]
    var (columns, values) = ([Int32](), [Float]())
    columns.reserveCapacity(2 * places.count)
    values.reserveCapacity(2 * places.count)
    let scale = 1 / (2 * Float(count))
    for row in 0..<count {
      let own = (row * neighbors..<(row + 1) * neighbors).sorted { places[$0] < places[$1] }
      var (first, second) = (0, starts[row])
      while first < own.count || second < starts[row + 1] {
        let left = first < own.count ? places[own[first]] : .max
        let right = second < starts[row + 1] ? incoming[second].row : .max
        var weight: Float = 0
        if left <= right {
          weight += weights[own[first]]
          first += 1
        }
        if right <= left {
          weight += incoming[second].weight
          second += 1
        }
        columns.append(min(left, right))
        values.append(weight * scale)
      }
      rowStarts.append(columns.count)
    }
    (self.rowStarts, self.columns, self.values) = (rowStarts, columns, values)
  }
}

/// Runs `body` on parts of `0..<count` on the machine's cores. Parts are the same on every machine, so that sums of parts are,
/// too.
func inParallel(_ count: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let parts = min(count, 64)
  DispatchQueue.concurrentPerform(iterations: parts) { part in
    body(count * part / parts..<count * (part + 1) / parts)
  }
}
