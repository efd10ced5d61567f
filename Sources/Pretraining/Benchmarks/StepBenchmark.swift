import Augmentation
import DataSets
import Foundation
import Keys
import Loading
import Methods
import Torch
import TorchDistributed
import TorchNN

/// Measures steps of pretraining, those that ``Pretraining`` makes, and writes no file.
///
/// First steps on one batch that stays in the memory of the device, which is what computing and exchanging cost; then, where there are
/// images, steps on batches as training loads them. Without images the batch is made of noise.
public struct StepBenchmark {
  /// Steps that count, in each of the two series; at least 1.
  public var steps = 10
  /// Steps before them, in which memory is taken and libraries choose their algorithms.
  public var warmUpSteps = 2

  private let configuration: ResolvedConfiguration
  private let world: World

  /// - Parameters:
  ///   - configuration: resolved.
  ///   - world: the processes that share the work; all must measure alike.
  public init(_ configuration: ResolvedConfiguration, with world: World = .alone()) {
    (self.configuration, self.world) = (configuration, world)
  }

  /// - Parameters:
  ///   - onOwnCores: as for ``Pretraining/train(onOwnCores:report:since:shouldStop:)``.
  ///   - onStep: told before each step what it belongs to, and its number out of how many, from 1.
  /// - Returns: the same in every process.
  /// - Throws: as ``Pretraining`` does.
  public func run(
    onOwnCores: Bool = false, onStep: (_ series: String, _ step: Int, _ count: Int) -> Void = { _, _, _ in }
  ) throws -> StepFigures {
    try world.confirmSame(configuration)
    let images = try world.sharingFailures { try trainingImages() }
    let noise = NoiseImages(count: configuration.training.globalBatchSize, side: configuration.augmentation.imageSize)
    let prepared = try world.sharingFailures { try Preparation(configuration, world, images: images ?? noise) }
    let trainer = try Trainer(prepared, in: world)
    trainer.method.train()
    let batch = try firstBatch(of: prepared)
    return try prepared.training(onOwnCores: onOwnCores) {
      try run(trainer, prepared, images: images, batch: batch, onStep: onStep)
    }
  }

  private func run(
    _ trainer: Trainer, _ prepared: Preparation, images: (any ImageDataSet)?, batch: ViewBatch,
    onStep: (_ series: String, _ step: Int, _ count: Int) -> Void
  ) throws -> StepFigures {
    let computing = try measure(trainer, prepared, onStep: { onStep("one batch", $0, $1) }, next: { batch })
    let training = try images.map { _ in
      let batches = prepared.makeLoader(onBadImage: { _ in }).epochs(0..<Int(Int32.max))
      defer { batches.cancel() }
      let feed = prepared.makeFeed(batches)
      return try measure(
        trainer, prepared, onStep: { onStep("with loading", $0, $1) }, next: { try feed.next()! },
        whileComputing: feed.prepareNext)
    }
    return StepFigures(
      configuration, world, prepared, computing: computing, training: training,
      expected: StepTraffic(of: trainer.method, configuration, in: world), peakBytes: try largestPeak())
  }

  /// The images to train on; nil where none are named, or nothing is there.
  private func trainingImages() throws -> (any ImageDataSet)? {
    for path in configuration.data.path.paths {
      switch try FileSystem.kind(of: path) {
      case .missing where !path.contains("{"): return nil
      case .folder where try FileSystem.entries(of: path).isEmpty: return nil
      default: break
      }
    }
    return configuration.data.path.isEmpty ? nil : try configuration.trainingImages()
  }

  private func firstBatch(of prepared: Preparation) throws -> ViewBatch {
    let batches = prepared.makeLoader(onBadImage: { _ in }).epoch(0)
    defer { batches.cancel() }
    return try prepared.makeFeed(batches).next()!
  }

  private func measure(
    _ trainer: Trainer, _ prepared: Preparation, onStep: (Int, Int) -> Void, next: () throws -> ViewBatch,
    whileComputing: () -> Void = {}
  ) throws -> StepSeries {
    var series = StepSeries()
    for step in 0..<warmUpSteps + steps {
      onStep(step + 1, warmUpSteps + steps)
      let (before, start) = (trainer.communication, ContinuousClock.now)
      let batch = try next()
      let dataWait = start.duration(to: .now)
      _ = try trainer.step(
        on: batch, at: prepared.position(ofStep: step), learningRate: prepared.schedule.learningRate(step: step),
        whileComputing: whileComputing)
      prepared.device.synchronize()
      guard step >= warmUpSteps else { continue }
      series.append(
        elapsed: start.duration(to: .now), dataWait: dataWait, communication: trainer.communication, since: before)
    }
    return try series.averagingWaits(over: world)
  }

  /// Peak resident memory of the process that has the most.
  private func largestPeak() throws -> Int {
    let peak = Tensor([Double(ProcessMemory.peakResidentBytes)])
    try world.group.allReduce(peak, .maximum)
    return Int(peak.item())
  }
}

/// What some steps took, step by step.
struct StepSeries {
  private(set) var seconds: [Double] = []
  private(set) var dataWaits: [Double] = []
  private(set) var communicationWaits: [Double] = []
  private(set) var sentBytes: [Int] = []

  mutating func append(
    elapsed: Duration, dataWait: Duration, communication: ThroughputMeter.Communication,
    since before: ThroughputMeter.Communication
  ) {
    seconds.append(elapsed.seconds)
    dataWaits.append(dataWait.seconds)
    communicationWaits.append((communication.waited - before.waited).seconds)
    sentBytes.append(communication.sentBytes - before.sentBytes)
  }

  /// The same with waits that are the mean over all processes: one that waits has others that it waits for.
  func averagingWaits(over world: World) throws -> StepSeries {
    let waits = Tensor(dataWaits + communicationWaits)
    try world.group.allReduce(waits)
    let means = waits.array(of: Double.self).map { $0 / Double(world.size) }
    var result = self
    (result.dataWaits, result.communicationWaits) = (Array(means[..<seconds.count]), Array(means[seconds.count...]))
    return result
  }
}
