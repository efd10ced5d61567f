import Augmentation
import Loading
import Methods
import Torch
import TorchDistributed
import TorchNN

/// What pretraining with a configuration takes of the device's memory, and which batch would fit: found by making two
/// small steps on noise and counting the bytes of tensors. Nothing is trained and nothing written.
///
/// Memory is a constant and so much for each image (pair of views) that goes through the network at once, so that two
/// steps tell all of it. What libraries take besides tensors (CUDA's context, scratch memory of oneDNN) is not counted.
public struct MemoryEstimate: Codable, Sendable {
  public var parameterCount: Int
  /// Parameters and buffers.
  public var modelBytes: Int
  public var optimizerBytes: Int
  /// Gradients, and what else does not depend on the batch.
  public var gradientBytes: Int
  /// Activations and all else that grows with the images that go through the network at once.
  public var bytesPerImage: Int
  /// Images of a process that go through the network at once.
  public var imagesAtOnce: Int
  /// All of it, for this configuration, in the process's memory on the device.
  public var totalBytes: Int
  /// What the loader holds of batches ahead, in main memory.
  public var loaderBytes: Int
  /// What the process may take of the device: all that is free, on the CPU divided among the machine's processes; absent
  /// where the machine does not tell.
  public var availableBytes: Int?
  /// The largest `training.global_batch_size` that fits with these processes and accumulation steps; 0: none does.
  public var largestGlobalBatchSize: Int?
  public var globalBatchSize: Int
  public var accumulationSteps: Int
  public var processes: Int
  public var device: String
  public var precision: String

  /// Makes the two steps.
  ///
  /// - Parameters:
  ///   - configuration: resolved.
  ///   - world: all of its processes must call this alike.
  /// - Throws: as ``Pretraining`` does before its first step.
  public init(_ configuration: ResolvedConfiguration, with world: World = .alone()) throws {
    try world.confirmSame(configuration)
    let prepared = try world.sharingFailures {
      try Preparation(configuration, world, images: configuration.trainingImages())
    }
    let trainer = try Trainer(prepared, in: world)
    trainer.method.train()
    let device = prepared.device
    let free = device.memory.map { device == .cpu ? $0.freeBytes / world.localSize : $0.freeBytes }

    (accumulationSteps, processes) = (configuration.training.accumulationSteps, world.size)
    globalBatchSize = configuration.training.globalBatchSize
    imagesAtOnce = prepared.sampler.batchSizePerRank / accumulationSteps
    parameterCount = trainer.method.trainedParameters().reduce(0) { $0 + $1.parameter.value.count }
    modelBytes = Self.bytes(of: trainer.method.stateDictionary().map(\.tensor))
    optimizerBytes = Self.bytes(of: try trainer.optimizer.stateDictionary().map(\.tensor))
    (self.device, precision) = ("\(device)", configuration.training.precision.rawValue)

    let (few, more) = (device == .cpu ? 4 : 16, device == .cpu ? 8 : 32)
    _ = try trainer.peakBytes(ofStepOn: few)
    let (first, second) = (try trainer.peakBytes(ofStepOn: few), try trainer.peakBytes(ofStepOn: more))
    bytesPerImage = max(1, (second - first) / (more - few))
    gradientBytes = max(0, first - bytesPerImage * few)
    let constant = modelBytes + optimizerBytes + gradientBytes
    let elementBytes = ["bf16", "fp16"].contains(precision) ? 2 : 4
    let viewBytes = configuration.augmentation.views.reduce(0) { $0 + 3 * $1.imageSize * $1.imageSize * elementBytes }
    let held = (configuration.data.batchesAhead + 1) * accumulationSteps * viewBytes
    totalBytes = constant + imagesAtOnce * bytesPerImage
    loaderBytes = held * imagesAtOnce
    // On a CPU the model has been taken of what is free by now, and the loader takes of the same memory.
    availableBytes = free.map { $0 + modelBytes + optimizerBytes }
    let perImage = bytesPerImage + (device == .cpu ? held : 0)
    largestGlobalBatchSize = availableBytes.map { available in
      max(0, (available - constant) / perImage) * accumulationSteps * world.size
    }
  }

  private static func bytes(of tensors: [Tensor]) -> Int { tensors.reduce(0) { $0 + $1.count * $1.dtype.byteCount } }
}

extension Trainer {
  /// The most that tensors take while loss and gradients of so many images of noise, in each part of a batch, are found.
  fileprivate func peakBytes(ofStepOn images: Int) throws -> Int {
    optimizer.zeroGradients()
    let views = configuration.augmentation.views.map { view in
      Tensor.randn(
        [images * configuration.training.accumulationSteps, 3, view.imageSize, view.imageSize],
        generator: Generator(seed: 0)
      ).channelsLast()
    }
    let labels = method.usesLabels ? Tensor.arange(0..<views[0].shape[0]) : nil
    return try MemoryWatch.peakBytes(on: gradientStep.device) {
      try gradientStep(views, labels: labels, scaledBy: scaler).item()
    }.bytes
  }
}
