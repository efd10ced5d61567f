import Foundation
import Synchronization
import Torch
import TorchNN
import VisionData

/// Pretrains an encoder as a configuration says: from the start, or from a run's latest checkpoint.
///
/// Where training stands is a matter of the weights, the optimizer and the position alone: batches and augmentations are
/// functions of seed, epoch and sample. A resumed run therefore goes on exactly as if it had never stopped.
public final class Pretraining {
  /// How a run ended.
  public enum Outcome: Equatable, Sendable {
    case finished(step: Int)
    /// Asked to stop, it wrote a checkpoint and did.
    case stopped(step: Int)
  }

  private let configuration: Configuration
  private let run: RunFolder
  private let device: Device
  private let model: SimCLRModel
  private let ntXent: NTXentLoss
  private let optimizer: Optimizer
  private let schedule: LearningRateSchedule
  private let dataSet: any ImageDataSet
  private let sampler: EpochSampler
  /// One for each view; none where the loader's threads make views.
  private let augmenters: [BatchAugmenter]
  private let metrics: MetricsLog
  private var scaler: LossScaler
  private var position: Checkpoint.Position
  private let badImages = Inbox()

  /// Starts a run in a new folder.
  ///
  /// - Parameter configuration: resolved.
  /// - Throws: ``RunError``, ``TorchError``, `VisionDataError` or ``ConfigurationError``; then nothing was written.
  public static func start(_ configuration: Configuration, in run: RunFolder) throws -> Pretraining {
    try run.requireUnused()
    let prepared = try Preparation(configuration)
    try run.create(configuration)
    return try Pretraining(prepared, run: run, checkpoint: nil)
  }

  /// Goes on with the run in `run` from its latest checkpoint, or from its start when it has none.
  ///
  /// - Parameter configuration: resolved; it may differ from the run's only in what does not change the result.
  /// - Throws: ``RunError``, ``TorchError``, `VisionDataError` or ``ConfigurationError``; then nothing was written.
  public static func resume(_ configuration: Configuration, in run: RunFolder) throws -> Pretraining {
    try configuration.checkContinues(try run.configuration())
    return try Pretraining(Preparation(configuration), run: run, checkpoint: Checkpoint.latest(in: run))
  }

  private init(_ prepared: Preparation, run: RunFolder, checkpoint: Checkpoint?) throws {
    self.run = run
    configuration = prepared.configuration
    (device, dataSet, sampler, schedule) = (prepared.device, prepared.dataSet, prepared.sampler, prepared.schedule)
    augmenters = prepared.makeAugmenters()
    ntXent = NTXentLoss(temperature: configuration.loss.temperature)
    model = SimCLRModel(configuration)
    model.move(to: device, channelsLast: true)
    optimizer = configuration.optimizer.makeOptimizer(for: model)
    scaler = LossScaler(dtype: configuration.training.precision.dtype)
    position =
      checkpoint?.position
      ?? Checkpoint.Position(
        step: 0, epoch: 0, batch: 0, optimizerSteps: 0, epochLossSum: 0, lossScale: scaler.scale, lossScaleGoodSteps: 0,
        dataSetCount: dataSet.count)
    if let checkpoint {
      guard position.dataSetCount == dataSet.count else {
        throw RunError(
          "\(configuration.data.path) holds \(dataSet.count) images, but the run was started with \(position.dataSetCount): give it the same images"
        )
      }
      try model.load(checkpoint.modelState())
      try optimizer.load(checkpoint.optimizerState(), stepCount: position.optimizerSteps)
      scaler.restore(scale: position.lossScale, goodSteps: position.lossScaleGoodSteps)
    }
    metrics = try MetricsLog(run.metricsURL, completedSteps: position.step)
  }
}

// MARK: - Training

extension Pretraining {
  /// Trains to the end, or until `shouldStop` says so after a step.
  ///
  /// - Parameters:
  ///   - report: told what happens, on the calling thread.
  ///   - shouldStop: asked after every step.
  /// - Throws: ``RunError`` when the loss is no longer finite or the disk refuses a file; `VisionDataError` when too many
  ///   images cannot be read.
  public func train(
    report: (TrainingEvent) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    report(.started(plan))
    model.train()
    let batches = makeLoader().epochs(position.epoch..<configuration.training.epochs, startingAtBatch: position.batch)
    defer { batches.cancel() }
    var meter = ThroughputMeter()
    var epochStart = ContinuousClock.now
    while !isFinished, let views = try meter.waiting({ try batches.next() }) {
      var step = try trainStep(views)
      meter.count(images: views.sampleIndices.count)
      for image in badImages.takeAll() { report(.badImage(image)) }
      let isEndOfEpoch = position.batch == sampler.batchesPerEpoch
      if step.step.isMultiple(of: configuration.output.logEverySteps) || isEndOfEpoch || isFinished {
        (step.imagesPerSecond, step.dataWait) = meter.read()
        try metrics.append(step)
        report(.step(step))
      }
      if isEndOfEpoch {
        try closeEpoch(seconds: epochStart.duration(to: .now).seconds, report)
        epochStart = .now
      }
      let isStopping = shouldStop()
      if isStopping || isFinished || isCheckpointDue(isEndOfEpoch: isEndOfEpoch) { try writeCheckpoint(report) }
      if isStopping && !isFinished { return .stopped(step: position.step) }
    }
    return .finished(step: position.step)
  }

  /// One step: embed, contrast, backpropagate, update.
  private func trainStep(_ views: ViewBatch) throws -> StepMetrics {
    optimizer.zeroGradients()
    let loss = withAutocast(device, configuration.training.precision.dtype) {
      ntXent(
        views.views.indices.map { embed(view($0, of: views)) },
        globalCount: AugmentationConfiguration.globalViewCount)
    }
    let value = loss.item()
    guard value.isFinite else {
      throw RunError(
        "the loss is \(value) at step \(position.step + 1): try a lower optimizer.learning_rate, training.maximum_gradient_norm=1 or training.precision=fp32. The latest checkpoint is untouched"
      )
    }
    scaler.scaled(loss).backward()
    let learningRate = schedule.learningRate(step: position.step)
    var gradientNorm: Double?
    let isFinite = scaler.unscale(model.parameters())
    if isFinite {
      if configuration.training.maximumGradientNorm > 0 {
        gradientNorm = clipGradientNorm(
          model.parameters(), maximumNorm: configuration.training.maximumGradientNorm
        ).item()
      }
      optimizer.step(learningRate: learningRate)
    }
    position.step += 1
    position.batch += 1
    position.epochLossSum += value
    return StepMetrics(
      step: position.step, epoch: position.epoch + 1, loss: value, learningRate: learningRate, imagesPerSecond: 0,
      dataWait: 0, gradientNorm: gradientNorm, skipped: isFinite ? nil : true)
  }

  /// One view of each image, `[N, 3, S, S]`.
  private func view(_ index: Int, of batch: ViewBatch) -> Tensor {
    augmenters.isEmpty ? batch.views[index] : augmenters[index](batch.views[index], batch.parameters[index])
  }

  /// Projections `[N, D]` of one view of each image. Views go through the network one after another, so that BatchNorm
  /// sees one kind of view at a time.
  private func embed(_ images: Tensor) -> Tensor { model(images.to(device: device).channelsLast()) }

  private func closeEpoch(seconds: Double, _ report: (TrainingEvent) -> Void) throws {
    let epoch = EpochMetrics(
      step: position.step, epoch: position.epoch + 1,
      meanLoss: position.epochLossSum / Double(sampler.batchesPerEpoch), seconds: seconds)
    try metrics.append(epoch)
    report(.epoch(epoch))
    (position.epoch, position.batch, position.epochLossSum) = (position.epoch + 1, 0, 0)
  }

  private func makeLoader() -> ViewLoader {
    let augmenter = ViewAugmenter(configuration.augmentation, seed: UInt64(configuration.training.seed))
    let data = configuration.data
    var options = ViewLoader.Options(
      threads: data.threads > 0 ? data.threads : ProcessInfo.processInfo.activeProcessorCount)
    options.batchesAhead = data.batchesAhead
    options.cacheCapacity = data.cacheMegabytes << 20
    options.honorsEXIFOrientation = data.appliesExifOrientation
    if configuration.training.precision == .bf16 { options.dtype = .bfloat16 }
    if !augmenters.isEmpty { options.dtype = .uint8 }
    return ViewLoader(
      dataSet: dataSet, augmenter: augmenter, sampler: sampler, options: options
    ) { [badImages] in badImages.append($0) }
  }
}

/// Messages of the loader's threads, until the training thread takes them.
private final class Inbox: Sendable {
  private let messages = Mutex<[String]>([])

  func append(_ message: String) { messages.withLock { $0.append(message) } }

  func takeAll() -> [String] {
    messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }
}

// MARK: - Position

extension Pretraining {
  private var totalSteps: Int {
    let all = configuration.training.epochs * sampler.batchesPerEpoch
    return configuration.training.maximumSteps > 0 ? min(all, configuration.training.maximumSteps) : all
  }

  private var isFinished: Bool { position.step >= totalSteps }

  private var plan: TrainingPlan {
    TrainingPlan(
      imageCount: dataSet.count, batchesPerEpoch: sampler.batchesPerEpoch, epochs: configuration.training.epochs,
      totalSteps: totalSteps, completedSteps: position.step,
      parameterCount: model.parameters().reduce(0) { $0 + $1.value.count }, device: "\(device)",
      precision: configuration.training.precision.rawValue)
  }

  private func isCheckpointDue(isEndOfEpoch: Bool) -> Bool {
    let (steps, epochs) = (configuration.output.checkpointEverySteps, configuration.output.checkpointEveryEpochs)
    return (steps > 0 && position.step.isMultiple(of: steps))
      || (isEndOfEpoch && epochs > 0 && position.epoch.isMultiple(of: epochs))
  }

  private func writeCheckpoint(_ report: (TrainingEvent) -> Void) throws {
    position.optimizerSteps = optimizer.stepCount
    (position.lossScale, position.lossScaleGoodSteps) = (scaler.scale, scaler.goodSteps)
    try Checkpoint.write(
      position, model: model, optimizer: optimizer, in: run, keep: configuration.output.keepCheckpoints)
    report(.checkpoint(step: position.step))
  }
}
