import Augmentation
import Foundation
import Images
import Testing

/// Statistics of what is drawn for many samples. Bounds are five standard deviations and more from what is expected, and
/// the draws are always the same, so that these tests do not fail by chance.
@Suite("View parameters")
struct ViewParametersTests {
  static let count = 20_000

  static func sample(
    width: Int = 200, height: Int = 160, view: Int = 0, count: Int = count,
    _ change: (inout AugmentationConfiguration) -> Void = { _ in }
  ) -> [ViewParameters] {
    var configuration = AugmentationConfiguration()
    configuration.solarizeProbability = 0.3
    change(&configuration)
    let augmenter = ViewAugmenter(configuration, seed: 42)
    return (0..<count).map { augmenter.parameters(width: width, height: height, epoch: 7, sample: $0, view: view) }
  }

  /// Five standard deviations of a share measured on the samples.
  static func margin(_ probability: Double) -> Double {
    5 * (probability * (1 - probability) / Double(count)).squareRoot()
  }

  static func share(_ parameters: [ViewParameters], _ holds: (ViewParameters) -> Bool) -> Double {
    Double(parameters.count(where: holds)) / Double(parameters.count)
  }

  @Test("each operation happens as often as its probability says")
  func probabilities() {
    let drawn = Self.sample()
    let shares: [(String, Double, (ViewParameters) -> Bool)] = [
      ("flip", 0.5, { $0.isFlipped }), ("jitter", 0.8, { !$0.colorAdjustments.isEmpty }),
      ("gray", 0.2, { $0.isGrayscale }), ("blur", 0.5, { $0.blurSigma != nil }),
      ("solarize", 0.3, { $0.isSolarized }),
    ]
    for (name, probability, holds) in shares {
      let share = Self.share(drawn, holds)
      #expect(abs(share - probability) < Self.margin(probability), "\(name): \(share)")
    }
  }

  @Test("probabilities 0 and 1 mean never and always")
  func certainties() {
    let never = Self.sample(count: 2000) {
      $0.flipProbability = 0
      $0.jitterProbability = 0
      $0.grayscaleProbability = 0
      $0.blurProbability = 0
      $0.solarizeProbability = 0
    }
    let always = Self.sample(count: 2000) {
      $0.flipProbability = 1
      $0.jitterProbability = 1
      $0.grayscaleProbability = 1
      $0.blurProbability = 1
      $0.solarizeProbability = 1
    }
    for parameters in never {
      #expect(parameters == ViewParameters(crop: parameters.crop))
    }
    #expect(
      always.allSatisfy {
        $0.isFlipped && $0.colorAdjustments.count == 4 && $0.isGrayscale && $0.blurSigma != nil && $0.isSolarized
      })
  }

  /// All that SimCLR's recipe does not know, as likely as not.
  static func addMore(_ configuration: inout AugmentationConfiguration) {
    configuration.verticalFlipProbability = 0.5
    configuration.quarterTurnProbability = 0.75
    configuration.rotationProbability = 0.3
    configuration.rotationDegrees = 20
    configuration.equalizeProbability = 0.2
    configuration.posterizeProbability = 0.1
    configuration.sharpnessProbability = 0.4
    configuration.erasingProbability = 0.25
  }

  @Test("turns, levels, sharpness and erasing happen as often as they should, and change nothing else")
  func moreOperations() {
    let drawn = Self.sample(Self.addMore)
    let shares: [(String, Double, (ViewParameters) -> Bool)] = [
      ("vertical flip", 0.5, { $0.isFlippedVertically }), ("no turn", 0.25, { $0.quarterTurns == 0 }),
      ("one turn", 0.25, { $0.quarterTurns == 1 }), ("two turns", 0.25, { $0.quarterTurns == 2 }),
      ("three turns", 0.25, { $0.quarterTurns == 3 }), ("rotation", 0.3, { $0.rotation != nil }),
      ("to the left", 0.15, { $0.rotation.map { $0 > 0 } == true }),
      ("by more than half", 0.15, { $0.rotation.map { abs($0) > 10 } == true }),
      ("equalize", 0.2, { $0.isEqualized }), ("posterize", 0.1, { $0.isPosterized }),
      ("sharpness", 0.4, { $0.isSharpened }), ("erasing", 0.25, { $0.erased != nil }),
    ]
    for (name, probability, holds) in shares {
      let share = Self.share(drawn, holds)
      #expect(abs(share - probability) < Self.margin(probability), "\(name): \(share)")
    }
    let side = AugmentationConfiguration().imageSize
    for part in drawn.compactMap(\.erased) {
      let (area, ratio) = (Double(part.width * part.height), Double(part.height) / Double(part.width))
      #expect(part.top >= 0 && part.left >= 0 && part.top + part.height <= side && part.left + part.width <= side)
      #expect(0.018...0.335 ~= area / Double(side * side) && 0.28...3.6 ~= ratio)
    }
    let plain = Self.sample()
    for (more, less) in zip(drawn, plain) {
      #expect(
        more.crop == less.crop && more.isFlipped == less.isFlipped && more.colorAdjustments == less.colorAdjustments)
      #expect(more.blurSigma == less.blurSigma && more.isSolarized == less.isSolarized)
    }
  }

  @Test("operations are drawn independently of each other")
  func operationsAreIndependent() {
    let drawn = Self.sample()
    let events: [(Double, (ViewParameters) -> Bool)] = [
      (0.5, { $0.isFlipped }), (0.8, { !$0.colorAdjustments.isEmpty }), (0.2, { $0.isGrayscale }),
      (0.5, { $0.blurSigma != nil }), (0.3, { $0.isSolarized }),
    ]
    for first in events.indices {
      for second in events.indices where second > first {
        let probability = events[first].0 * events[second].0
        let share = Self.share(drawn) { events[first].1($0) && events[second].1($0) }
        #expect(abs(share - probability) < Self.margin(probability), "\(first) and \(second): \(share)")
      }
    }
  }

  @Test("the two views of an image are drawn independently")
  func viewsAreIndependent() {
    let (first, second) = (Self.sample(view: 0), Self.sample(view: 1))
    #expect(zip(first, second).allSatisfy { $0.crop != $1.crop || $0 != $1 })
    let values: [(String, (ViewParameters) -> Double)] = [
      ("flip", { $0.isFlipped ? 1 : 0 }), ("gray", { $0.isGrayscale ? 1 : 0 }),
      ("blur", { $0.blurSigma == nil ? 0 : 1 }), ("area", { Double($0.crop.width * $0.crop.height) }),
      ("left", { Double($0.crop.left) }),
    ]
    for (name, value) in values {
      let correlation = Self.correlation(first.map(value), second.map(value))
      #expect(abs(correlation) < 5 / Double(Self.count).squareRoot(), "\(name): \(correlation)")
    }
  }

  private static func correlation(_ first: [Double], _ second: [Double]) -> Double {
    let count = Double(first.count)
    let (meanFirst, meanSecond) = (first.reduce(0, +) / count, second.reduce(0, +) / count)
    var (covariance, varianceFirst, varianceSecond) = (0.0, 0.0, 0.0)
    for (a, b) in zip(first, second) {
      covariance += (a - meanFirst) * (b - meanSecond)
      varianceFirst += (a - meanFirst) * (a - meanFirst)
      varianceSecond += (b - meanSecond) * (b - meanSecond)
    }
    return covariance / (varianceFirst * varianceSecond).squareRoot()
  }

  @Test("jitter factors fill their ranges evenly, with the strength multiplied in")
  func jitterRanges() {
    let drawn = Self.sample { $0.jitterStrength = 0.5 }
    var values: [String: [Double]] = [:]
    for adjustment in drawn.flatMap(\.colorAdjustments) {
      switch adjustment {
      case .brightness(let factor): values["brightness", default: []].append(factor)
      case .contrast(let factor): values["contrast", default: []].append(factor)
      case .saturation(let factor): values["saturation", default: []].append(factor)
      case .hue(let turns): values["hue", default: []].append(turns)
      }
    }
    for name in ["brightness", "contrast", "saturation"] {
      expectUniform(values[name]!, in: 0.6...1.4, name)
    }
    expectUniform(values["hue"]!, in: -0.1...0.1, "hue")
  }

  @Test("a jitter beyond 1 never draws a factor below 0")
  func strongJitter() {
    let drawn = Self.sample(count: 2000) {
      $0.jitterBrightness = 1.5
      $0.jitterProbability = 1
    }
    let factors = drawn.flatMap(\.colorAdjustments).compactMap { adjustment in
      if case .brightness(let factor) = adjustment { factor } else { nil }
    }
    #expect(factors.count == 2000 && factors.allSatisfy { 0...2.5 ~= $0 })
  }

  @Test("the four jitters come in all 24 orders, equally often")
  func jitterOrders() {
    let orders = Self.sample().map(\.colorAdjustments).filter { !$0.isEmpty }.map { adjustments in
      adjustments.map { String(describing: $0).prefix(1) }.joined()
    }
    let counts = Dictionary(grouping: orders, by: \.self).mapValues(\.count)
    #expect(counts.count == 24)
    let expected = Double(orders.count) / 24
    #expect(counts.values.allSatisfy { abs(Double($0) - expected) < 5 * expected.squareRoot() }, "\(counts)")
  }

  @Test("a jitter of strength 0 is left out")
  func absentJitter() {
    let drawn = Self.sample(count: 500) {
      $0.jitterHue = 0
      $0.jitterContrast = 0
      $0.jitterProbability = 1
    }
    for adjustments in drawn.map(\.colorAdjustments) {
      #expect(Set(adjustments.map { String(describing: $0).prefix(1) }) == ["b", "s"])
    }
  }

  @Test("blur widths fill their range evenly")
  func blurWidths() {
    expectUniform(Self.sample().compactMap(\.blurSigma), in: 0.1...2, "sigma")
  }

  @Test("crops lie inside the image, with areas and shapes within their ranges up to rounding")
  func cropRanges() {
    for parameters in Self.sample() {
      let crop = parameters.crop
      #expect(crop.top >= 0 && crop.left >= 0 && crop.top + crop.height <= 160 && crop.left + crop.width <= 200)
      let area = Double(crop.width * crop.height) / (200 * 160)
      #expect(0.078 <= area && area <= 1)
      let ratio = Double(crop.width) / Double(crop.height)
      #expect(0.73 <= ratio && ratio <= 1.36)
    }
  }

  @Test("where every crop fits, areas are uniform, shapes uniform in their logarithm, places uniform")
  func cropDistribution() {
    let drawn = Self.sample(width: 1000, height: 1000) { $0.cropScaleMaximum = 0.5 }.map(\.crop)
    expectUniform(drawn.map { Double($0.width * $0.height) / 1e6 }, in: 0.08...0.5, "area", slack: 2e-3)
    expectUniform(
      drawn.map { log(Double($0.width) / Double($0.height)) }, in: log(0.75)...log(4.0 / 3), "shape", slack: 5e-3)
    expectUniform(drawn.map { (Double($0.left) + 0.5) / Double(1000 - $0.width + 1) }, in: 0...1, "left")
    expectUniform(drawn.map { (Double($0.top) + 0.5) / Double(1000 - $0.height + 1) }, in: 0...1, "top")
  }

  @Test("the whole range of rows and columns is reached")
  func cropPlacesReachTheBorders() {
    let crops = Self.sample(width: 6, height: 6, count: 5000) { $0.cropScaleMinimum = 0.2 }.map(\.crop)
    #expect(crops.contains { $0.left == 0 } && crops.contains { $0.left + $0.width == 6 && $0.width < 6 })
    #expect(crops.contains { $0.top == 0 } && crops.contains { $0.top + $0.height == 6 && $0.height < 6 })
  }

  @Test("when no crop fits, the largest allowed one in the middle is taken")
  func cropFallback() {
    let wide = Self.sample(width: 400, height: 10, count: 50) { $0.cropScaleMinimum = 0.9 }
    #expect(wide.allSatisfy { $0.crop == CropRectangle(top: 0, left: 193, height: 10, width: 13) })
    let high = Self.sample(width: 9, height: 400, count: 50) { $0.cropScaleMinimum = 0.9 }
    #expect(high.allSatisfy { $0.crop == CropRectangle(top: 194, left: 0, height: 12, width: 9) })
    let fitting = Self.sample(width: 10, height: 10, count: 2000) {
      $0.cropScaleMinimum = 1
      $0.cropAspectRatioMinimum = 0.5
      $0.cropAspectRatioMaximum = 2
    }
    #expect(fitting.allSatisfy { $0.crop == CropRectangle(top: 0, left: 0, height: 10, width: 10) })
  }

  @Test("changing one probability leaves the crops and all else as they were")
  func settingsDoNotDisturbEachOther() {
    let usual = Self.sample(count: 300)
    let changed = Self.sample(count: 300) {
      $0.blurProbability = 1
      $0.jitterProbability = 0
    }
    for (first, second) in zip(usual, changed) {
      #expect(first.crop == second.crop && first.isFlipped == second.isFlipped)
      #expect(first.isGrayscale == second.isGrayscale && first.isSolarized == second.isSolarized)
      #expect(first.blurSigma == nil || first.blurSigma == second.blurSigma)
    }
  }

  /// All values lie in the range, and their distribution is no further from the uniform one than a Kolmogorov–Smirnov
  /// test allows at a level below one in a million.
  private func expectUniform(
    _ values: [Double], in range: ClosedRange<Double>, _ name: String, slack: Double = 0,
    location: SourceLocation = #_sourceLocation
  ) {
    let width = range.upperBound - range.lowerBound
    let shares = values.map { ($0 - range.lowerBound) / width }.sorted()
    #expect(shares.first! >= -slack && shares.last! <= 1 + slack, "\(name)", sourceLocation: location)
    let count = Double(shares.count)
    let distance = shares.enumerated().reduce(0.0) { greatest, entry in
      max(
        greatest, abs(entry.element - Double(entry.offset) / count),
        abs(entry.element - Double(entry.offset + 1) / count))
    }
    #expect(distance < 2.7 / count.squareRoot() + slack, "\(name)", sourceLocation: location)
  }
}
