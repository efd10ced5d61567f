import Foundation
import TorchDistributed

/// What a training run tells whoever watches it.
public enum TrainingEvent: Sendable {
  case started(TrainingPlan)
  /// Something was wrong with the run's folder, and what was done about it.
  case repaired(String)
  /// Which weights the run begins with, if not those that are drawn: what was loaded, left out and adapted.
  case firstWeights(String)
  /// Something is wrong (it could not be saved, the method has collapsed), and training goes on all the same.
  case warning(String)
  case step(StepMetrics)
  case epoch(EpochMetrics)
  /// A file that could not be read, and why; another image took its place.
  case badImage(String)
  /// Keys of the configuration that do not count, since another method or optimizer was chosen than they belong to.
  case unusedKeys(String)
  /// What lies among the images and is not trained on.
  case passedOver(String)
  /// Loss or gradients were not finite: the step changed nothing.
  case skipped(SkippedStep)
  /// The configuration's limit of time is over, and training stops.
  case timeIsUp(limit: String)
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
  /// Processes that share the work.
  public var processes: Int
  /// What carries their exchanges.
  public var carrier: Carrier
  /// Why training does not run on CUDA where it might be expected to; nil elsewhere.
  public var whyNoCUDA: String?
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
  /// Whether the step changed nothing because loss or gradients were not finite; absent if not.
  public var skipped: Bool?
  /// The share of the time since the last line that this process waited for others, 0…1; absent for one process.
  public var communicationWait: Double?
  /// Bytes of tensors that this process sent in a step, on average since the last line; absent for one process.
  public var sentBytesPerStep: Double?
  /// The most memory that this process has taken so far: of tensors on a CUDA device, resident on the CPU.
  public var peakMemoryBytes: Int?
  /// In how many directions the embeddings of this step spread (``EmbeddingSpread/rankMe``); absent where it was not measured.
  public var rankMe: Double?
  /// How far they spread, 0…1 (``EmbeddingSpread/deviation``); absent where it was not measured.
  public var embeddingDeviation: Double?
}

/// A step that changed nothing, since its loss or gradients were not finite.
public struct SkippedStep: Codable, Sendable, Equatable {
  public var step: Int
  /// From 1.
  public var epoch: Int
  public var loss: Double
  /// How many steps were skipped one after another, this one included.
  public var inARow: Int
  /// The images of the global batch, by their numbers in the data set.
  public var sampleIndices: [Int]
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
