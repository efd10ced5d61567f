import Foundation

/// How a learning rate grows with the batch.
public enum LearningRateScaling: String, CaseIterable, Sendable {
  /// The rate as given.
  case none
  /// rate · batch / 256 (Goyal et al. 2017; SimCLR's default, rate 0.3).
  case linear
  /// rate · √batch (SimCLR, appendix B.1, rate 0.075).
  case squareRoot = "sqrt"

  /// The peak learning rate for a global batch of `globalBatchSize` images.
  public func peak(of rate: Double, globalBatchSize: Int) -> Double {
    switch self {
    case .none: rate
    case .linear: rate * Double(globalBatchSize) / 256
    case .squareRoot: rate * Double(globalBatchSize).squareRoot()
    }
  }
}

/// Linear warm-up from 0, then a cosine to 0, by steps.
public struct LearningRateSchedule: Sendable, Equatable {
  public let peak: Double
  public let warmupSteps: Int
  public let totalSteps: Int

  public init(peak: Double, warmupSteps: Int, totalSteps: Int) {
    precondition(
      warmupSteps >= 0 && totalSteps >= warmupSteps,
      "LearningRateSchedule: \(warmupSteps) warm-up steps do not fit into \(totalSteps) steps")
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// The rate for step `step`, counted from 0, as in SimCLR's own code: peak · step / warm-up while warming up, then
  /// peak · ½ (1 + cos π t) with t from 0 to 1 over the steps that remain.
  public func learningRate(step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step) / Double(warmupSteps) }
    let progress = Double(step - warmupSteps) / Double(Swift.max(1, totalSteps - warmupSteps))
    return peak * 0.5 * (1 + cos(Double.pi * Swift.min(1, progress)))
  }
}
