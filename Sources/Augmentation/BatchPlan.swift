import Foundation
import Images
import Torch

/// Which samples of a batch need which operation when, and with which numbers.
struct BatchPlan {
  /// What is done to all samples of a step. The numbers that each of them takes are as floats what the primitives of
  /// `PixelImage` compute from the parameters.
  enum Operation: Int, CaseIterable {
    /// The factor.
    case brightness
    /// The factor, and 1 less the factor.
    case contrast, saturation
    /// Sixths of a turn.
    case hue
    case grayscale
    /// The kernel from its middle to its edge, and a 0.
    case blur
    case solarize
    /// For each row of the view whether something of it is erased, then the same for each column; 1 or 0.
    case erase
  }

  private struct Step {
    let operation: Operation
    var rows: [Int] = []
    var values: [Float] = []
  }

  private var steps: [Step] = []

  /// - Parameters:
  ///   - parameters: of each sample.
  ///   - imageSize: the side of the views.
  ///   - blurRadius: half of the blur's kernel; `nil` when nothing is blurred.
  init(_ parameters: [ViewParameters], imageSize: Int, blurRadius: Int?) {
    for place in 0..<(parameters.map(\.colorAdjustments.count).max() ?? 0) {
      var adjustments = [Operation.brightness, .contrast, .saturation, .hue].map { Step(operation: $0) }
      for (row, sample) in parameters.enumerated() where place < sample.colorAdjustments.count {
        let (operation, values) = Self.numbers(of: sample.colorAdjustments[place])
        adjustments[operation.rawValue].rows.append(row)
        adjustments[operation.rawValue].values += values
      }
      steps += adjustments
    }
    steps.append(Step(operation: .grayscale, rows: parameters.indices.filter { parameters[$0].isGrayscale }))
    if let blurRadius {
      var blur = Step(operation: .blur)
      for (row, sample) in parameters.enumerated() {
        guard let sigma = sample.blurSigma else { continue }
        blur.rows.append(row)
        let radius = GaussianBlur.radius(kernelSize: 2 * blurRadius + 1, sigma: sigma)
        blur.values += GaussianBlur.weights(radius: radius, sigma: sigma)
        blur.values += Array(repeating: 0, count: blurRadius + 1 - radius)
      }
      steps.append(blur)
    }
    steps.append(Step(operation: .solarize, rows: parameters.indices.filter { parameters[$0].isSolarized }))
    var erasing = Step(operation: .erase)
    for (row, sample) in parameters.enumerated() {
      guard let part = sample.erased else { continue }
      erasing.rows.append(row)
      for range in [part.top..<part.top + part.height, part.left..<part.left + part.width] {
        erasing.values += (0..<imageSize).map { range.contains($0) ? 1 : 0 }
      }
    }
    steps.append(erasing)
    steps.removeAll { $0.rows.isEmpty }
  }

  private static func numbers(of adjustment: ColorAdjustment) -> (Operation, [Float]) {
    switch adjustment {
    case .brightness(let factor): (.brightness, [Float(factor)])
    case .contrast(let factor): (.contrast, [Float(factor), Float(1 - factor)])
    case .saturation(let factor): (.saturation, [Float(factor), Float(1 - factor)])
    case .hue(let turns): (.hue, [Float(turns) * 6])
    }
  }

  /// The steps in their order, the samples (int64 `[K]`) and numbers (float32 `[K, V]`) of each on the device, where two
  /// copies bring them all.
  func steps(on device: Device) -> [(operation: Operation, rows: Tensor, values: Tensor)] {
    let allRows = Tensor(steps.flatMap(\.rows)).to(device: device)
    let allValues = Tensor(steps.flatMap(\.values)).to(device: device)
    var (row, value) = (0, 0)
    return steps.map { step in
      defer { (row, value) = (row + step.rows.count, value + step.values.count) }
      let values = allValues.narrow(0, value..<value + step.values.count)
      return (
        step.operation, allRows.narrow(0, row..<row + step.rows.count),
        values.reshaped([step.rows.count, step.values.count / step.rows.count])
      )
    }
  }
}
