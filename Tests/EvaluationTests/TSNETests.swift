import Evaluation
import Foundation
import Images
import TestSupport
import Testing
import Torch

@Suite("t-SNE")
struct TSNETests {
  /// What openTSNE, scikit-learn and autograd gave, which `Fixtures/tsne.py` recorded.
  private struct Reference: Decodable {
    struct Affinities: Decodable {
      let columns: [Int32]
      let values: [Double]
      let entropy: Double
    }
    let affinities: Affinities
    let divergence: [String: Double]
    let components: [Double]
    let gradient: [[Double]]

    static func load() throws -> Reference {
      let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/tsne.json")
      return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }
  }

  private func features(_ count: Int) -> Tensor {
    let centers = Tensor.pattern("tsne.centers", [7, 12], scale: 2)
    let rows = centers.indexSelect(0, Tensor((0..<2400).map { $0 % 7 }))
    return (rows + Tensor.pattern("tsne.noise", [2400, 12])).narrow(0, 0..<count)
  }

  private func plane(_ count: Int, scale: Float, _ name: String = "tsne.plane") -> [SIMD2<Double>] {
    let values = pattern(name, count: 2 * count, scale: scale)
    return (0..<count).map { SIMD2(Double(values[2 * $0]), Double(values[2 * $0 + 1])) }
  }

  @Test("affinities are openTSNE's, symmetric and with the sum 1")
  func affinities() throws {
    let expected = try Reference.load().affinities
    let affinities = Affinities(of: features(200), perplexity: 15)
    let row = affinities.rowStarts[3]..<affinities.rowStarts[4]
    #expect(Array(affinities.columns[row]) == expected.columns)
    for (value, reference) in zip(affinities.values[row], expected.values) {
      #expect(abs(Double(value) - reference) < 1e-5 * reference + 1e-12)
    }
    let entropy = affinities.values.reduce(0.0) { $1 > 0 ? $0 + Double($1) * log(Double($1)) : $0 }
    #expect(abs(entropy - expected.entropy) < 1e-5)
    #expect(abs(affinities.values.reduce(0.0) { $0 + Double($1) } - 1) < 1e-5)
    var pairs: [SIMD2<Int32>: Float] = [:]
    for row in 0..<200 {
      for place in affinities.rowStarts[row]..<affinities.rowStarts[row + 1] {
        pairs[SIMD2(Int32(row), affinities.columns[place])] = affinities.values[place]
      }
    }
    #expect(pairs.allSatisfy { pairs[SIMD2($0.key.y, $0.key.x)] == $0.value })
    #expect(pairs.keys.allSatisfy { $0.x != $0.y })
  }

  @Test("the gradient is the derivative of the divergence")
  func gradient() throws {
    let expected = try Reference.load().gradient
    let descent = TSNE.Descent(Affinities(of: features(40), perplexity: 5), repulsion: ExactRepulsion())
    let gradient = descent.gradient(plane(40, scale: 3))
    for (own, reference) in zip(gradient, expected) {
      #expect(abs(own.x - reference[0]) < 1e-6 && abs(own.y - reference[1]) < 1e-6)
    }
  }

  @Test(
    "interpolated forces are the exact ones, to a thousandth where a box is small, to 3 % where it is as large as can be",
    arguments: [(2 as Float, 1e-3), (40, 3e-2)])
  func interpolation(scale: Float, tolerance: Double) {
    let points = plane(700, scale: scale, "tsne.crowd")
    let (exact, exactTotal) = ExactRepulsion()(points)
    let (interpolated, total) = InterpolatedRepulsion()(points)
    #expect(abs(total / exactTotal - 1) < tolerance)
    func size(_ forces: [SIMD2<Double>]) -> Double { forces.reduce(0) { $0 + ($1 * $1).sum() }.squareRoot() }
    #expect(size(zip(exact, interpolated).map { $0 - $1 }) < tolerance * size(exact))
  }

  @Test(
    "the divergence reached is openTSNE's to 2 %, with exact and with interpolated repulsion", arguments: [600, 2400])
  func divergence(count: Int) throws {
    let expected = try Reference.load().divergence["\(count)"]!
    var settings = TSNE()
    (settings.exaggeratedIterations, settings.iterations) = (100, 200)
    var steps = 0
    let embedding = try settings(features(count)) { progress in
      if case .steps(let done, let total) = progress {
        steps = done
        #expect(total == 300)
      }
    }
    #expect(steps == 300 && embedding.points.count == count)
    #expect(abs(embedding.divergence / expected - 1) < 0.02)
    guard count == 600 else { return }
    // The seven clusters lie apart: the nearest neighbor of nearly every point is of its class.
    let agreeing = embedding.points.indices.count { index in
      let nearest = embedding.points.indices.filter { $0 != index }.min { one, other in
        func distance(_ place: Int) -> Double {
          let difference = embedding.points[place] - embedding.points[index]
          return (difference * difference).sum()
        }
        return distance(one) < distance(other)
      }!
      return nearest % 7 == index % 7
    }
    #expect(agreeing > 590)
  }

  @Test("principal components have scikit-learn's shares of variance, and the same signs every time")
  func components() throws {
    let components = PrincipalComponents(of: features(600), count: 3)
    for (share, expected) in zip(components.varianceShares, try Reference.load().components) {
      #expect(abs(share - expected) < 1e-6)
    }
    let projected = components(features(600))
    #expect(projected.shape == [600, 3] && greatestDifference(projected.mean(0), Tensor.zeros([3])) < 1e-6)
    let product = components.directions.transposed().matmul(components.directions)
    #expect(greatestDifference(product, Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1] as [Double], shape: [3, 3])) < 1e-9)
  }

  @Test("points at the same place part from others and stay finite; features of one dimension lie on a plane")
  func degenerate() throws {
    var settings = TSNE()
    (settings.perplexity, settings.exaggeratedIterations, settings.iterations) = (5, 20, 30)
    let twice = Tensor.concatenate([features(20), features(20)])
    for values in [twice, features(40).narrow(1, 0..<1).contiguous(), Tensor.zeros([40, 3])] {
      let embedding = try settings(values)
      #expect(embedding.points.allSatisfy { $0.x.isFinite && $0.y.isFinite } && embedding.divergence.isFinite)
    }
  }

  @Test("too few points for the perplexity and features that are no numbers are refused in one line")
  func refusals() throws {
    let error = try #require(throws: EvaluationError.self) { try TSNE()(features(90)) }
    #expect(error.description.hasPrefix("t-SNE: 90 images are too few for a perplexity of 30.0"))
    let damaged = features(100) * Double.infinity
    #expect(throws: EvaluationError.self) { try TSNE()(damaged) }
  }

  @Test("a convolution by Fourier transforms is the sum over offsets")
  func convolution() {
    let images = Tensor.pattern("convolution", [2, 3, 4]).to(.float64)
    let kernel = Tensor.pattern("kernel", [6, 8]).to(.float64)
    let (values, weights) = (images.array(of: Double.self), kernel.array(of: Double.self))
    var expected = [Double](repeating: 0, count: 24)
    for image in 0..<2 {
      for place in 0..<12 {
        for other in 0..<12 {
          let (down, across) = (place / 4 - other / 4, place % 4 - other % 4)
          expected[image * 12 + place] +=
            values[image * 12 + other] * weights[(down + 6) % 6 * 8 + (across + 8) % 8]
        }
      }
    }
    #expect(greatestDifference(images.convolved(with: kernel), Tensor(expected, shape: [2, 3, 4])) < 1e-12)
  }
}

@Suite("Scatter picture")
struct ScatterPictureTests {
  @Test("classes have colors of their own, names are escaped, and every point is drawn where it lies")
  func picture() throws {
    let picture = ScatterPicture(
      [SIMD2(0, 0), SIMD2(1, 0), SIMD2(0.5, 1)], labels: [0, 1, -1], classNames: ["a<b & c", "other"])
    let svg = picture.svg()
    #expect(svg.contains("a&lt;b &amp; c") && svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    #expect(svg.components(separatedBy: "<path ").count == 4)
    #expect(
      svg.contains("d=\"M20.0 980.0h0\"") && svg.contains("d=\"M980.0 980.0h0\"") && svg.contains("d=\"M500.0 20.0h0\"")
    )
    let image = try picture.pixels(nil)
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x + 1) * 3])
    }
    #expect(image.width == 1260 && image.height == 1000)
    #expect(Set([pixel(20, 980), pixel(980, 980), pixel(500, 20), pixel(500, 500)]).count == 4)
    #expect(pixel(500, 500) == [255, 255, 255])
  }

  @Test("one point, or many at one place, can be drawn")
  func degenerate() throws {
    for points in [[SIMD2(3.0, 4.0)], Array(repeating: SIMD2(1.0, 1.0), count: 5)] {
      let image = try ScatterPicture(points, labels: points.map { _ in -1 }, classNames: []).pixels(nil)
      #expect(image.width == 1000 && image.pixels.contains { $0 < 255 })
    }
  }
}
