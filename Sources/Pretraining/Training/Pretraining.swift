import DataSets
import Foundation
import Launching
import Loading
import Methods
import Torch
import TorchDistributed
import TorchNN

/// Pretrains an encoder as a configuration says, alone or together with other processes: from the start, or from a run's
/// latest checkpoint.
///
/// Where training stands is a matter of the weights, the optimizer and the position alone: batches and augmentations are
/// functions of seed, epoch and sample. A resumed run therefore goes on exactly as if it had never stopped, and however
/// many processes share a batch, they compute what one would, to rounding.
public final class Pretraining {
  /// How a run ended.
  public enum Outcome: Equatable, Sendable {
    case finished(step: Int)
    /// Asked to stop, it wrote a checkpoint and did.
    case stopped(step: Int)
  }

  let configuration: ResolvedConfiguration
  let run: RunFolder
  let world: World
  let trainer: Trainer
  let prepared: Preparation
  /// Only rank 0 writes files.
  private(set) var metrics: MetricsLog?
  private(set) var checkpoints: CheckpointWriter?
  /// nil until a step is skipped.
  var skippedSteps: MetricsLog?
  var position: Checkpoint.Position
  var lastCheckpointStep = 0
  var hasWarnedOfCollapse = false
  /// What was wrong with the run's folder, and the checkpoint that was taken all the same.
  private(set) var repair: (text: String, checkpoint: Checkpoint)?
  let badImages = Inbox()
  /// Which weights it begins with, in words; nil for those that are drawn.
  var firstWeights: String?
  /// Rank 0 holds it until training ends.
  var lock: (lock: FileLock?, warning: String?)?

  /// Starts a run in a new folder.
  ///
  /// - Parameters:
  ///   - configuration: resolved.
  ///   - run: where rank 0 writes; other ranks never look there.
  ///   - world: the processes that share the work; all must call this alike.
  ///   - method: what makes the method where `method.name` is `custom`.
  /// - Throws: ``RunError``, `TorchError`, `DataSetError`, `ConfigurationError` or `DistributedError`; then nothing
  ///   was written.
  public static func start(
    _ configuration: ResolvedConfiguration, in run: RunFolder, with world: World = .alone(),
    method: MethodFactory? = nil
  ) throws -> Pretraining {
    try world.sharingFailures { if world.isFirst { try run.requireUnused() } }
    let training = try Pretraining(configuration, run: run, world: world, method: method)
    try training.loadFirstWeights { configuration }
    try world.sharingFailures {
      guard world.isFirst else { return }
      try run.makeFolder(run.url)
      training.lock = try run.lock()
      try run.confirmStillUnused()
      try run.create(configuration)
    }
    return try training.opened()
  }

  /// Goes on with the run in `run` from its latest checkpoint, or from its start when it never came to write one. Where
  /// ``Checkpoint/latest(in:)`` is lost, the newest checkpoint that is whole takes its place.
  ///
  /// - Parameters:
  ///   - configuration: resolved; it may differ from the run's only in what does not change the result.
  ///   - method: as the run was started with.
  /// - Throws: ``RunError``, `TorchError`, `DataSetError`, `ConfigurationError` or `DistributedError`; then nothing
  ///   was written.
  public static func resume(
    _ configuration: ResolvedConfiguration, in run: RunFolder, with world: World = .alone(),
    method: MethodFactory? = nil
  ) throws -> Pretraining {
    let lock = try world.sharingFailures {
      guard world.isFirst else { return nil as (lock: FileLock?, warning: String?)? }
      try configuration.confirmContinues(try run.configuration())
      return try run.lock()
    }
    let training = try Pretraining(configuration, run: run, world: world, method: method)
    training.lock = lock
    try training.restore()
    return try training.opened()
  }

  private init(
    _ configuration: ResolvedConfiguration, run: RunFolder, world: World, method: MethodFactory?
  ) throws {
    (self.configuration, self.run, self.world) = (configuration, run, world)
    try world.confirmSame(configuration)
    prepared = try world.sharingFailures {
      try Preparation(configuration, world, images: configuration.trainingImages(), method: method)
    }
    trainer = try Trainer(prepared, in: world)
    position = Checkpoint.Position(
      step: 0, epoch: 0, batch: 0, optimizerSteps: 0, epochLossSum: 0, lossScale: trainer.scaler.scale,
      lossScaleGoodSteps: 0, dataSetCount: prepared.dataSet.count, data: prepared.fingerprint)
  }

  private var model: any PretrainingMethod { trainer.method }
  private var optimizer: DistributedOptimizer { trainer.optimizer }

  /// Takes over a checkpoint that rank 0 reads.
  private func restore() throws {
    var optimizerState: [String: Tensor] = [:]
    let found = try world.sharingFailures {
      guard world.isFirst, let checkpoint = try checkpointToResume() else { return nil as Checkpoint.Position? }
      optimizerState = try checkpoint.optimizerState()
      try loadModel(of: checkpoint)
      try optimizer.confirmFits(optimizerState)
      return checkpoint.position
    }
    guard let position = try world.valueOfRankZero(found) else { return try loadFirstWeights(of: run.configuration) }
    try world.broadcast(model.stateDictionary().map(\.tensor))
    try optimizer.load(optimizerState, stepCount: position.optimizerSteps)
    trainer.scaler.restore(scale: position.lossScale, goodSteps: position.lossScaleGoodSteps)
    self.position = position
    self.position.data = prepared.fingerprint
    lastCheckpointStep = position.step
  }

  /// Nil for a run that ended before its first checkpoint.
  private func checkpointToResume() throws -> Checkpoint? {
    guard let (checkpoint, repair) = try Checkpoint.toResume(in: run) else {
      try confirmNothingIsLost()
      return nil
    }
    self.repair = repair.map { ($0, checkpoint) }
    return checkpoint
  }

  /// A run that made more steps than it makes before its first checkpoint had one.
  private func confirmNothingIsLost() throws {
    guard let made = try MetricsLog.lastStep(in: run.metricsURL),
      made > (try firstCheckpointStep(as: run.configuration()))
    else { return }
    throw RunError(
      "\(run.metricsURL.path) tells of \(made) steps, but \(run.checkpointsURL.path) holds no checkpoint",
      advice: "bring them back, or start another run"
    )
  }

  private func loadModel(of checkpoint: Checkpoint) throws {
    try confirmSameImages(as: checkpoint.position)
    guard
      checkpoint.position.isPossible(
        batchesPerEpoch: prepared.sampler.batchesPerEpoch, epochs: configuration.training.epochs)
    else {
      throw RunError(
        "\(checkpoint.url.path)/state.json has numbers that this run cannot have come to",
        advice:
          "write the name of another folder of \(run.checkpointsURL.path) into \(Checkpoint.latestURL(in: run).path)"
      )
    }
    try model.load(checkpoint.modelState())
  }

  /// Opens the logs, once the run's folder is there, if there is anything to add to them.
  private func opened() throws -> Pretraining {
    try world.sharingFailures {
      guard world.isFirst else { return }
      try repair?.checkpoint.becomeLatest(in: run)
      run.removeUnfinishedFiles()
      guard !isFinished else { return }
      metrics = try MetricsLog(run.metricsURL, .metrics, completedSteps: position.step)
      skippedSteps = try .ifAny(run.skippedStepsURL, .skippedSteps, completedSteps: position.step)
      checkpoints = CheckpointWriter(
        run, keep: configuration.output.keepCheckpoints, isFirst: try Checkpoint.folders(in: run).isEmpty)
    }
    return self
  }
}
