import Foundation
import Randomness
import Torch

/// Points on a plane such that those which are neighbors among the features are neighbors there (t-SNE, van der Maaten and
/// Hinton 2008).
///
/// It starts from the first two principal components (Kobak and Berens, *The art of using t-SNE for single-cell
/// transcriptomics*, 2019), exaggerates attraction at first, and follows the gradient with momentum and gains, at a rate of the
/// number of points over the exaggeration (Belkina et al. 2019). Settings are those that openTSNE has by default.
public struct TSNE: Codable, Sendable, Equatable {
  /// How many neighbors a point has in effect, above 1 and below a third of the points.
  public var perplexity = 30.0
  /// How much stronger attraction is at first.
  public var exaggeration = 12.0
  /// Steps with exaggeration.
  public var exaggeratedIterations = 250
  /// Steps without, at least 1.
  public var iterations = 500
  /// Up to so many points repulsion is exact; for more it is interpolated.
  public var exactPointLimit = 2000

  /// openTSNE's defaults.
  public init() {}

  private static let momentum = 0.8
  private static let leastGain = 0.01
  private static let longestStep = 5.0
  /// The spread of the points at the start.
  private static let startDeviation = 1e-4

  /// What came of it.
  public struct Embedding: Sendable {
    /// Where each row of the features lies.
    public let points: [SIMD2<Double>]
    /// The Kullback–Leibler divergence, in nats, of neighborhoods on the plane from those among the features.
    public let divergence: Double
  }

  /// How far it is.
  public enum Progress: Sendable {
    /// Points that have found their neighbors, of all.
    case neighbors(Int, Int)
    /// Steps done, of all.
    case steps(Int, Int)
  }

  /// Lays out features.
  ///
  /// - Parameter values: `[N, D]`, float32, on the CPU.
  /// - Throws: ``EvaluationError`` when there are too few points for the perplexity, or values are not finite.
  public func callAsFunction(
    _ values: Tensor, onProgress: (Progress) -> Void = { _ in }
  ) throws -> Embedding {
    let count = values.shape[0]
    try validate(values)
    let affinities = Affinities(of: values, perplexity: perplexity) { onProgress(.neighbors($0, count)) }
    var points = Self.start(values)
    var descent = Descent(affinities, repulsion: count <= exactPointLimit ? ExactRepulsion() : InterpolatedRepulsion())
    let total = exaggeratedIterations + iterations
    for step in 0..<total {
      descent.step(&points, exaggeration: step < exaggeratedIterations ? exaggeration : 1)
      onProgress(.steps(step + 1, total))
    }
    let (_, sum) = descent.repulsion(points)
    return Embedding(points: points, divergence: affinities.divergence(of: points, total: sum))
  }

  private func validate(_ values: Tensor) throws {
    guard iterations >= 1, exaggeratedIterations >= 0, exaggeration >= 1, exaggeration.isFinite else {
      throw EvaluationError("t-SNE: expected at least 1 iteration and an exaggeration of at least 1")
    }
    guard perplexity > 1, perplexity.isFinite else {
      throw EvaluationError("t-SNE", expected: "a perplexity above 1", got: "\(perplexity)")
    }
    guard Double(values.shape[0]) > 3 * perplexity else {
      throw EvaluationError(
        "t-SNE: \(values.shape[0]) images are too few for a perplexity of \(perplexity): expected more than three times as "
          + "many. Try a smaller --perplexity")
    }
    guard values.isFinite().all() else {
      throw EvaluationError(
        "t-SNE: some features are not finite numbers. The encoder's weights are damaged, or its training diverged")
    }
  }

  /// The first two principal components, small, with a trace of noise, for points at the same place would never part.
  static func start(_ values: Tensor) -> [SIMD2<Double>] {
    let components = PrincipalComponents(of: values, count: min(2, values.shape[1]))(values).contiguous()
    let (rows, columns) = (components.shape[0], components.shape[1])
    let numbers = components.array(of: Double.self)
    let first = stride(from: 0, to: numbers.count, by: columns).map { numbers[$0] }
    let deviation = (first.reduce(0) { $0 + $1 * $1 } / Double(rows)).squareRoot()
    let scale = deviation > 0 ? startDeviation / deviation : 0
    return (0..<rows).map { row in
      var generator = PhiloxGenerator(seed: 0, epoch: 0, sample: row, stream: 0x7473_6E65)
      let noise = SIMD2(generator.uniform(in: -1...1), generator.uniform(in: -1...1)) * (startDeviation / 100)
      return SIMD2(numbers[row * columns], columns > 1 ? numbers[row * columns + 1] : 0) * scale + noise
    }
  }
}

// MARK: - Descent

extension TSNE {
  /// Follows the gradient.
  package struct Descent {
    let affinities: Affinities
    let repulsion: any Repulsion
    private var gains: [SIMD2<Double>]
    private var updates: [SIMD2<Double>]

    package init(_ affinities: Affinities, repulsion: any Repulsion) {
      (self.affinities, self.repulsion) = (affinities, repulsion)
      gains = Array(repeating: SIMD2(1, 1), count: affinities.count)
      updates = Array(repeating: .zero, count: affinities.count)
    }

    /// The derivative of the divergence by each point: 4 Σ_j (p q − q² / Z) (y_i − y_j), attraction p exaggerated.
    package func gradient(_ points: [SIMD2<Double>], exaggeration: Double = 1) -> [SIMD2<Double>] {
      let (forces, total) = repulsion(points)
      return affinities.attraction(points).enumerated().map { index, attraction in
        4 * (exaggeration * attraction - forces[index] / total)
      }
    }

    mutating func step(_ points: inout [SIMD2<Double>], exaggeration: Double) {
      let gradient = gradient(points, exaggeration: exaggeration)
      let rate = Double(points.count) / exaggeration
      var center = SIMD2<Double>.zero
      for index in points.indices {
        var gain = gains[index]
        for axis in 0..<2 {
          let goesOn = updates[index][axis] * gradient[index][axis] <= 0
          gain[axis] = goesOn ? gain[axis] + 0.2 : gain[axis] * 0.8 + TSNE.leastGain
        }
        var update = TSNE.momentum * updates[index] - rate * gain * gradient[index]
        let length = (update * update).sum().squareRoot()
        if length > TSNE.longestStep { update *= TSNE.longestStep / length }
        (gains[index], updates[index]) = (gain, update)
        points[index] += update
        center += points[index]
      }
      center /= Double(points.count)
      for index in points.indices { points[index] -= center }
    }
  }
}

extension Affinities {
  /// Σ_j p q (y_i − y_j) for every point.
  func attraction(_ points: [SIMD2<Double>]) -> [SIMD2<Double>] {
    [SIMD2<Double>](unsafeUninitializedCapacity: points.count) { forces, count in
      nonisolated(unsafe) let out = forces
      inParallel(points.count) { part in
        points.withUnsafeBufferPointer { points in
          columns.withUnsafeBufferPointer { columns in
            values.withUnsafeBufferPointer { values in
              for row in part {
                let point = points[row]
                var force = SIMD2<Double>.zero
                for place in rowStarts[row]..<rowStarts[row + 1] {
                  let difference = point - points[Int(columns[place])]
                  force += Double(values[place]) / (1 + (difference * difference).sum()) * difference
                }
                (out.baseAddress! + row).initialize(to: force)
              }
            }
          }
        }
      }
      count = points.count
    }
  }

  /// Σ p log (p / (q / Z)).
  func divergence(of points: [SIMD2<Double>], total: Double) -> Double {
    var (sum, mass) = (0.0, 0.0)
    for row in 0..<count {
      for place in rowStarts[row]..<rowStarts[row + 1] where values[place] > 0 {
        let (p, difference) = (Double(values[place]), points[row] - points[Int(columns[place])])
        sum += p * (log(p) + log(1 + (difference * difference).sum()))
        mass += p
      }
    }
    return sum + mass * log(total)
  }
}
