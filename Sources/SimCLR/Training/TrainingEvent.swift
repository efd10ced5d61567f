import Foundation

/// What a training run tells whoever watches it.
public enum TrainingEvent: Sendable {
  case started(TrainingPlan)
  case step(StepMetrics)
  case epoch(EpochMetrics)
  /// A file that could not be read, and why; another image took its place.
  case badImage(String)
  /// A checkpoint of this many steps was written.
  case checkpoint(step: Int)
}

/// What is going to be done.
public struct TrainingPlan: Sendable {
  public var imageCount: Int
  public var batchesPerEpoch: Int
  public var epochs: Int
  /// The step at which training will end.
  public var totalSteps: Int
  /// Steps already made when a run is resumed.
  public var completedSteps: Int
  public var parameterCount: Int
  public var device: String
  public var precision: String
}

/// Figures of one step.
public struct StepMetrics: Codable, Sendable, Equatable {
  /// Steps made, this one included.
  public var step: Int
  /// The epoch of this step, from 1.
  public var epoch: Int
  public var loss: Double
  public var learningRate: Double
  /// Images (pairs of views) a second since the last line of metrics.
  public var imagesPerSecond: Double
  /// The share of that time spent waiting for data, 0…1.
  public var dataWait: Double
  /// The joint norm of the gradients before clipping; absent unless clipping is on.
  public var gradientNorm: Double?
  /// Whether the optimizer left the step out because float16 overflowed; absent if not.
  public var skipped: Bool?
}

/// Figures of one epoch.
public struct EpochMetrics: Codable, Sendable, Equatable {
  /// Steps made since the beginning.
  public var step: Int
  /// From 1.
  public var epoch: Int
  /// Over the batches of the epoch.
  public var meanLoss: Double
  /// Training time of this epoch in this process.
  public var seconds: Double
}
