import Augmentation
import DataSets
import Foundation
import Keys
import Loading
import Methods
import Torch
import TorchDistributed
import TorchNN

/// All that a run needs before its first step and that can fail: found out before anything is written.
struct Preparation {
  let configuration: ResolvedConfiguration
  let device: Device
  /// Augments in batch; `nil` where the loader's threads do it.
  let augmentationDevice: Device?
  let dataSet: any ImageDataSet
  let fingerprint: DataFingerprint
  let sampler: EpochSampler
  let schedule: LearningRateSchedule
  let makeMethod: MethodFactory

  private let world: World

  /// Threads of an operation on the CPU.
  var threadCount: Int { configuration.training.threads > 0 ? configuration.training.threads : world.coreCount }

  /// - Parameters:
  ///   - images: what is trained on.
  ///   - method: of the program, where the configuration names none of ours.
  init(
    _ configuration: ResolvedConfiguration, _ world: World, images: any ImageDataSet, method: MethodFactory? = nil
  ) throws {
    (self.configuration, self.world) = (configuration, world)
    makeMethod = try configuration.methodFactory(custom: method)
    dataSet = images
    fingerprint = DataFingerprint(of: images)
    device = try configuration.training.device(localRank: world.localRank)
    augmentationDevice = try configuration.augmentation.device(trainingOn: device)
    let training = configuration.training
    sampler = try training.sampler(of: dataSet.count, in: world)
    guard world.statistics.size > 1 || sampler.batchSizePerRank > training.accumulationSteps else {
      throw ConfigurationError(
        \.training.globalBatchSize,
        "BatchNorm needs two images at a time, but \(training.globalBatchSize) leave one for each of \(world.size * training.accumulationSteps) parts",
        advice: "use \(2 * world.size * training.accumulationSteps)"
      )
    }
    let peak = configuration.optimizer.learningRateScaling.peak(
      of: configuration.optimizer.learningRate, globalBatchSize: training.globalBatchSize)
    schedule = LearningRateSchedule(
      peak: peak, warmupSteps: Int((configuration.schedule.warmupEpochs * Double(sampler.batchesPerEpoch)).rounded()),
      totalSteps: training.epochs * sampler.batchesPerEpoch)
    try training.precision.confirmExists(on: device)
    TorchRuntime.setDeterministic(training.deterministic)
    TorchRuntime.allowsTF32 = training.precision == .tf32
    TorchRuntime.setThreadCount(threadCount)
  }

  /// Runs `body`, which trains.
  ///
  /// - Parameter onOwnCores: whether each thread of operations has a core of its own meanwhile, where it is they that compute.
  func training<Result>(onOwnCores: Bool, _ body: () throws -> Result) rethrows -> Result {
    onOwnCores && device == .cpu ? try TorchRuntime.keepingThreadsToCores(body) : try body()
  }

  /// Where in the training a step is.
  func position(ofStep step: Int) -> StepPosition {
    StepPosition(step: step, of: max(1, schedule.totalSteps), stepsPerEpoch: max(1, sampler.batchesPerEpoch))
  }

  /// What loads batches of this process's images.
  ///
  /// - Parameter onBadImage: gets a line for each image that cannot be read, on a thread of the loader's.
  func makeLoader(onBadImage: @escaping @Sendable (String) -> Void) -> ViewLoader {
    let augmenter = ViewAugmenter(configuration.augmentation, seed: UInt64(configuration.training.seed))
    let data = configuration.data
    var options = ViewLoader.Options(threads: data.threads > 0 ? data.threads : coresForLoading)
    options.batchesAhead = data.batchesAhead
    options.cacheCapacity = (data.cacheMegabytes << 20) / world.localSize
    options.appliesExifOrientation = data.appliesExifOrientation
    options.badImageLimit = BadImageLimit(
      percent: data.maximumBadPercent,
      settingName: Configuration.keys.name(of: \.data.maximumBadPercent))
    // What mixed precision would round to anyway, in half the bytes.
    if [.bf16, .fp16].contains(configuration.training.precision) {
      options.dtype = configuration.training.precision.dtype
    }
    options.pinsMemory = trainsOnCUDA
    if augmentationDevice != nil { options.dtype = .uint8 }
    return ViewLoader(
      dataSet: dataSet, augmenter: augmenter, sampler: sampler, options: options, onBadImage: onBadImage)
  }

  /// The batches of a loader, one ahead on its way to the device where that can do two things at once.
  func makeFeed(_ batches: ViewBatches) -> BatchFeed {
    // Where there is none, each step brings its batch to the device.
    let uploader = try? DeviceUploader(to: device)
    return BatchFeed(next: batches.next, nextIfComplete: batches.nextIfComplete, uploader: uploader)
  }

  private var trainsOnCUDA: Bool { if case .cuda = device { true } else { false } }

  /// The thread that asks a CUDA device for one operation after another needs a core for itself.
  private var coresForLoading: Int { trainsOnCUDA ? max(1, world.coreCount - 1) : world.coreCount }

  /// What augments each view in batch; empty where the loader's threads do it.
  func makeAugmenters() -> [BatchAugmenter] {
    guard let augmentationDevice else { return [] }
    return configuration.augmentation.views.map {
      BatchAugmenter($0, device: augmentationDevice, dtype: configuration.training.precision.dtype)
    }
  }
}

extension TrainingConfiguration {
  /// The device of a process: `auto` and `cuda` take the CUDA device of its number on its machine.
  ///
  /// - Throws: `ConfigurationError` when it is not there.
  func device(localRank: Int) throws -> Device {
    let found = try firstDevice()
    guard case .cuda = found, ["auto", "cuda"].contains(device) else { return found }
    let usable = CUDA.usableDevices
    return .cuda(usable[localRank % usable.count])
  }

  /// Why training runs on the CPU where `device` is `auto` and there is a driver for CUDA; nil elsewhere.
  var whyNoCUDA: String? { device == "auto" && CUDA.driver != nil ? CUDA.whyUnavailable : nil }

  /// The device of a process alone.
  ///
  /// - Throws: `ConfigurationError` when it is not there.
  func firstDevice() throws -> Device {
    do {
      return try Device(named: device)
    } catch let error as TorchError {
      throw ConfigurationError(\.training.device, error)
    }
  }

  /// - Parameter count: images to train on.
  /// - Throws: `ConfigurationError` naming batch sizes that work.
  fileprivate func sampler(of count: Int, in world: World) throws -> EpochSampler {
    do {
      return try EpochSampler(
        count: count, globalBatchSize: globalBatchSize, seed: UInt64(seed), rank: world.rank, worldSize: world.size,
        accumulationSteps: accumulationSteps)
    } catch let error as LoadingError {
      throw ConfigurationError(error.explanation.named(Configuration.name(of:)))
    }
  }
}

extension AugmentationConfiguration {
  /// - Throws: `ConfigurationError` when it is not there.
  fileprivate func device(trainingOn trainingDevice: Device) throws -> Device? {
    do {
      return try batchDevice(trainingOn: trainingDevice)
    } catch let error as TorchError {
      throw ConfigurationError(\.augmentation.device, error)
    }
  }
}
