import DataSets
import Foundation
import Loading
import Methods
import Synchronization
import Torch
import TorchDistributed
import TorchNN

extension Pretraining {
  /// Trains to the end, until `shouldStop` says so after a step, or until the configuration's limit of time is over.
  ///
  /// - Parameters:
  ///   - onOwnCores: whether each thread of operations on the CPU keeps to a core of its own, where this is the first thread
  ///     of the process and there are as many threads as cores: right beside other programs
  ///     (`TorchRuntime.keepingThreadsToCores`), but threads that `report` starts begin on the core of this one.
  ///   - report: told what happens, on the calling thread. Ranks other than the first are told of their own images only.
  ///   - start: since when the time counts.
  ///   - shouldStop: asked in every step; all processes stop where one wants to.
  /// - Throws: ``RunError`` when the loss is no longer finite or the disk refuses a file; `LoadingError` when too many
  ///   images cannot be read; `DistributedError` when another process is lost.
  public func train(
    onOwnCores: Bool = false, report: (TrainingEvent) -> Void = { _ in }, since start: ContinuousClock.Instant = .now,
    shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    func tell(_ event: TrainingEvent) { if world.isFirst { report(event) } }
    defer {
      try? checkpoints?.finish { _ in }
      lock = nil
    }
    if let warning = lock?.warning { tell(.warning(warning)) }
    if let repair { tell(.repaired(repair.text)) }
    if let firstWeights { tell(.firstWeights(firstWeights)) }
    tell(.started(plan))
    if let keys = configuration.configuration.unusedKeys { tell(.unusedKeys(keys)) }
    if !prepared.dataSet.passedOver.isEmpty { tell(.passedOver(prepared.dataSet.passedOver.text)) }
    // Nothing is written either: a run may have gone further than it is asked to now.
    if isFinished { return .finished(step: position.step) }
    let end = configuration.training.timeLimitSeconds.map { start + .seconds($0) }
    func isTimeUp() -> Bool { end.map { $0 <= .now } ?? false }
    let outcome = try prepared.training(onOwnCores: onOwnCores) {
      try trainToEnd(report: report) { shouldStop() || isTimeUp() }
    }
    if !isFinished && isTimeUp() { tell(.timeIsUp(limit: configuration.training.timeLimit)) }
    return outcome
  }

  private func trainToEnd(report: (TrainingEvent) -> Void, shouldStop: () -> Bool) throws -> Outcome {
    func tell(_ event: TrainingEvent) { if world.isFirst { report(event) } }
    trainer.method.train()
    let batches = prepared.makeLoader(onBadImage: { [badImages] in badImages.append($0) }).epochs(
      position.epoch..<configuration.training.epochs, startingAtBatch: position.batch)
    defer { batches.cancel() }
    let feed = prepared.makeFeed(batches)
    func ended(_ checkpoint: CheckpointWriter.End) {
      switch checkpoint {
      case .written(let step): tell(.checkpoint(step: step))
      case .failed(let error): tell(.warning("\(error); training goes on"))
      }
    }
    var meter = ThroughputMeter(trainer.communication)
    var epochStart = ContinuousClock.now
    while !isFinished, let views = try meter.waiting({ try feed.next() }) {
      let made = try makeStep(views, wantsStop: shouldStop(), whileComputing: feed.prepareNext, tell)
      meter.count(images: views.sampleIndices.count * world.size)
      for image in badImages.takeAll() { report(.badImage(image)) }
      let isEndOfEpoch = position.batch == prepared.sampler.batchesPerEpoch
      let isLogged = position.step.isMultiple(of: configuration.output.logEverySteps) || isEndOfEpoch || isFinished
      if isLogged || made.measuresSpread {
        let step = figures(of: made, meter.read(trainer.communication))
        try log(step, tell)
        tell(.step(step))
        warnOfCollapse(made.spread, tell)
      }
      if isEndOfEpoch {
        try closeEpoch(seconds: epochStart.duration(to: .now).seconds, tell)
        epochStart = .now
      }
      try checkpoints?.report(ended)
      let isLast = made.verdict.stops || isFinished
      if isLast || isCheckpointDue(isEndOfEpoch: isEndOfEpoch) { try writeCheckpoint(isLast: isLast, ended) }
      if made.verdict.stops && !isFinished { break }
    }
    try checkpoints?.finish(ended)
    try metrics?.finish()
    return isFinished ? .finished(step: position.step) : .stopped(step: position.step)
  }

  private func log(_ figures: some Encodable, _ tell: (TrainingEvent) -> Void) throws {
    if let trouble = try metrics?.append(figures) { tell(.warning("\(trouble); its lines wait, and training goes on")) }
  }

  /// One step, which moves the position on even where it had to be skipped.
  private func makeStep(
    _ views: ViewBatch, wantsStop: Bool, whileComputing: () -> Void, _ tell: (TrainingEvent) -> Void
  ) throws -> MadeStep {
    let learningRate = prepared.schedule.learningRate(step: position.step)
    let interval = configuration.output.spreadEverySteps
    let measuresSpread = interval > 0 && (position.step + 1).isMultiple(of: interval)
    let (verdict, gradientNorm, spread) = try trainer.step(
      on: views, at: prepared.position(ofStep: position.step), epoch: position.epoch, learningRate: learningRate,
      wantsStop: wantsStop, measuresSpread: measuresSpread, whileComputing: whileComputing)
    position.count(verdict)
    if !verdict.isFinite { try recordSkip(verdict, views.sampleIndices, tell) }
    return MadeStep(
      verdict: verdict, learningRate: learningRate, gradientNorm: gradientNorm, measuresSpread: measuresSpread,
      spread: spread)
  }

  /// Says once that the encoder learns nothing, if so it is.
  private func warnOfCollapse(_ spread: EmbeddingSpread?, _ tell: (TrainingEvent) -> Void) {
    guard let spread, spread.isCollapsed, !hasWarnedOfCollapse else { return }
    hasWarnedOfCollapse = true
    let figures = String(
      format: "deviation %.3f of 1, RankMe %.1f of %d", spread.deviation, spread.rankMe, spread.largestRank)
    tell(
      .warning(
        "at step \(position.step) all images have nearly the same embedding (\(figures)): the method has collapsed and learns nothing; try a lower optimizer.learning_rate or the recipe of its paper"
      ))
  }

  /// What is known of a step when it is made. With what was measured meanwhile it is a line of metrics.
  private struct MadeStep {
    let verdict: StepVerdict
    let learningRate: Double
    let gradientNorm: Double?
    /// Whether the spread of the embeddings was to be measured.
    let measuresSpread: Bool
    let spread: EmbeddingSpread?
  }

  private func figures(of made: MadeStep, _ measured: ThroughputMeter.Reading) -> StepMetrics {
    StepMetrics(
      step: position.step, epoch: position.epoch + 1, loss: made.verdict.loss, learningRate: made.learningRate,
      imagesPerSecond: measured.imagesPerSecond, dataWait: measured.dataWait, gradientNorm: made.gradientNorm,
      skipped: made.verdict.isFinite ? nil : true, communicationWait: measured.communicationWait,
      sentBytesPerStep: measured.sentBytesPerStep, peakMemoryBytes: prepared.device.peakBytes,
      rankMe: made.spread?.rankMe, embeddingDeviation: made.spread?.deviation)
  }

  private func closeEpoch(seconds: Double, _ tell: (TrainingEvent) -> Void) throws {
    let epoch = EpochMetrics(
      step: position.step, epoch: position.epoch + 1, meanLoss: position.epochMeanLoss, seconds: seconds)
    try log(epoch, tell)
    tell(.epoch(epoch))
    position.beginNextEpoch()
  }
}

// MARK: - Steps that are skipped

extension Pretraining {
  /// Notes a step whose loss or gradients were not finite, with its images, and ends the run when there are too many in a
  /// row. That float16 overflows now and then is nothing to note: its scale takes care of that.
  private func recordSkip(_ verdict: StepVerdict, _ indices: [Int], _ tell: (TrainingEvent) -> Void) throws {
    if configuration.training.precision == .fp16 && verdict.loss.isFinite && trainer.scaler.scale >= 1 {
      position.skips?.inARow = 0
      return
    }
    let all = try world.group.allGather(Tensor(indices.map(Int64.init))).array(of: Int64.self).map(Int.init)
    let inARow = position.skips?.inARow ?? 1
    let skip = SkippedStep(
      step: position.step, epoch: position.epoch + 1, loss: verdict.loss, inARow: inARow, sampleIndices: all)
    if world.isFirst {
      skippedSteps = try skippedSteps ?? MetricsLog(run.skippedStepsURL, .skippedSteps, completedSteps: position.step)
      try skippedSteps?.append(skip)
    }
    tell(.skipped(skip))
    guard inARow > configuration.training.maximumSkippedSteps else { return }
    let what =
      verdict.loss.isFinite ? "a gradient is not finite" : "the loss is \(verdict.loss.words)"
    throw RunError(
      "\(what) at step \(position.step), the \(inARow.ordinal) in a row",
      advice:
        "try a lower optimizer.learning_rate, training.maximum_gradient_norm=1 or training.precision=fp32. The images are listed in \(run.skippedStepsURL.path); the latest checkpoint is untouched"
    )
  }
}

extension Int {
  /// `1st`, `2nd`, `3rd`, `4th`, `11th`.
  fileprivate var ordinal: String {
    let isTeen = 11...13 ~= self % 100
    return "\(self)" + (isTeen ? "th" : [1: "st", 2: "nd", 3: "rd"][self % 10] ?? "th")
  }
}

/// Messages of the loader's threads, until the training thread takes them.
final class Inbox: Sendable {
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
    let all = configuration.training.epochs * prepared.sampler.batchesPerEpoch
    return configuration.training.maximumSteps > 0 ? min(all, configuration.training.maximumSteps) : all
  }

  var isFinished: Bool { position.step >= totalSteps }

  private var plan: TrainingPlan {
    TrainingPlan(
      imageCount: prepared.dataSet.count, batchesPerEpoch: prepared.sampler.batchesPerEpoch,
      epochs: configuration.training.epochs, totalSteps: totalSteps, completedSteps: position.step,
      parameterCount: trainer.method.trainedParameters().reduce(0) { $0 + $1.parameter.value.count },
      device: "\(prepared.device)",
      precision: configuration.training.precision.rawValue, processes: world.size, carrier: world.carrier,
      whyNoCUDA: configuration.training.whyNoCUDA)
  }

  private func isCheckpointDue(isEndOfEpoch: Bool) -> Bool {
    let output = configuration.output
    if output.checkpointEverySteps > 0 && position.step.isMultiple(of: output.checkpointEverySteps) { return true }
    return isEndOfEpoch && output.checkpointEveryEpochs > 0
      && position.epoch.isMultiple(of: output.checkpointEveryEpochs)
      && position.step - lastCheckpointStep >= output.checkpointMinimumSteps
  }

  /// The step after which a run first wrote a checkpoint, unless somebody stopped it before.
  func firstCheckpointStep(as original: ResolvedConfiguration) -> Int {
    let epochs = original.output.checkpointEveryEpochs * prepared.sampler.batchesPerEpoch
    // The first multiple of these steps that is not too soon.
    let byEpochs = epochs * max(1, (original.output.checkpointMinimumSteps + epochs - 1) / max(1, epochs))
    let periods = [original.output.checkpointEverySteps, byEpochs]
    return min(totalSteps, periods.filter { $0 > 0 }.min() ?? totalSteps)
  }

  private func writeCheckpoint(isLast: Bool, _ ended: (CheckpointWriter.End) -> Void) throws {
    position.optimizerSteps = trainer.optimizer.stepCount
    (position.lossScale, position.lossScaleGoodSteps) = (trainer.scaler.scale, trainer.scaler.goodSteps)
    let optimizerState = try trainer.optimizer.stateDictionary()
    // What exchanges that were cut short have left is not to be written.
    if world.isDistributed { prepared.device.synchronize() }
    try world.confirmIntact()
    lastCheckpointStep = position.step
    try checkpoints?.write(
      position, model: trainer.method.stateDictionary(), optimizer: optimizerState, isLast: isLast, onEnd: ended)
  }
}
