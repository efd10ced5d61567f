import Augmentation
import DataSets
import Encoders
import Keys
import Loading
import Methods
import Torch
import TorchDistributed
import TorchNN

/// A method while it is trained, in one of the processes that share the work: what a step reads and changes. It knows of no
/// files and of no position in the epochs.
final class Trainer {
  let world: World
  let method: any PretrainingMethod
  let optimizer: DistributedOptimizer
  let gradientStep: GradientStep
  var scaler: LossScaler
  let configuration: ResolvedConfiguration
  /// One for each view; none where the loader's threads make views.
  private let augmenters: [BatchAugmenter]
  private let dataSet: any ImageDataSet
  private let parameters: [Parameter]
  private let statistics: RunningStatistics
  private let peakLearningRate: Double

  /// Draws the first weights. All processes must call this alike.
  ///
  /// - Throws: `DistributedError` naming what differs between the processes.
  init(_ prepared: Preparation, in world: World) throws {
    self.world = world
    configuration = prepared.configuration
    let dtype = configuration.training.precision.dtype
    augmenters = prepared.makeAugmenters()
    let images = prepared.dataSet
    dataSet = images
    method = prepared.makeMethod(MethodContext(configuration, over: world.group))
    if method.usesLabels {
      try world.sharingFailures { try images.confirmLabeled(for: prepared.configuration.method.name) }
    }
    method.encoder.recomputesBlocks = configuration.training.activationCheckpointing == .blocks
    method.move(to: prepared.device, dtype: dtype == .float64 ? .float64 : nil, channelsLast: true)
    try world.confirmSame(prepared.fingerprint, count: prepared.dataSet.count, method)
    // Loads what BatchNorm does in one pass on a GPU, where it is there.
    if prepared.device != .cpu { _ = NCCL.hasKernels }
    if world.statistics.size > 1 { method.synchronizeBatchNorm(over: world.statistics) }
    parameters = method.trainedParameters().map(\.parameter)
    statistics = RunningStatistics(of: method.batchNorms())
    optimizer = DistributedOptimizer(
      method.optimizedParameters(by: configuration.optimizer), over: world.group,
      shards: configuration.distributed.shardsOptimizer, make: configuration.optimizer.makeOptimizer)
    peakLearningRate = prepared.schedule.peak
    scaler = LossScaler(dtype: dtype)
    gradientStep = GradientStep(
      method, reduction: try configuration.distributed.makeReduction(for: method, in: world), device: prepared.device,
      dtype: dtype, accumulationSteps: configuration.training.accumulationSteps)
  }

  /// One step: embed, contrast, backpropagate, add up over the processes, update. Where loss or gradients are not finite
  /// it changes nothing.
  ///
  /// - Parameters:
  ///   - position: which step it is.
  ///   - epoch: which epoch it belongs to, from 0: what layers draw depends on that.
  ///   - measuresSpread: whether the spread of the embeddings is measured; all processes must call this alike.
  ///   - whileComputing: called when all has been asked of the device, before it is waited for.
  /// - Returns: what all processes found, and of the gradients before clipping the joint norm, if they are clipped; the spread in
  ///   the first process.
  /// - Throws: `DistributedError` when another process was lost.
  func step(
    on batch: ViewBatch, at position: StepPosition, epoch: Int = 0, learningRate: Double, wantsStop: Bool = false,
    measuresSpread: Bool = false, whileComputing: () -> Void = {}
  ) throws -> (verdict: StepVerdict, gradientNorm: Double?, spread: EmbeddingSpread?) {
    optimizer.zeroGradients()
    statistics.keep()
    let images = batch.views.indices.map { view($0, of: batch) }
    let keys = ImageKeys(
      seed: UInt64(configuration.training.seed), epoch: epoch, samples: batch.sampleIndices)
    method.beginStep(at: position)
    var embedded: [ViewEmbeddings] = []
    let loss = try gradientStep(images, of: keys, labels: labels(batch.sampleIndices), scaledBy: scaler) {
      if measuresSpread { embedded = $0 }
    }
    for held in method.heldParameters(at: position) { held.value.gradient = nil }
    let found = parameters.compactMap(\.gradient)
    let reading = StepReading(loss: loss, gradients: found)
    whileComputing()
    let (ownLoss, scaledNorm) = reading.wait()
    try world.confirmIntact()
    let verdict = try StepVerdict(loss: ownLoss, gradientsAreFinite: scaledNorm.isFinite, stops: wantsStop, in: world)
    let gradientNorm = scaledNorm / scaler.scale
    if verdict.isFinite {
      let factor = clippingFactor(of: gradientNorm) / scaler.scale
      if factor != 1 { withoutGradients { Foreach.mul_(found, factor) } }
      try optimizer.step(learningRate: learningRate, peak: peakLearningRate)
      if world.normalizesApart { try statistics.average(over: world.group) }
      method.finishStep(at: position)
    } else {
      statistics.restore()
    }
    scaler.update(gradientsWereFinite: verdict.isFinite)
    let spread = verdict.isFinite ? try EmbeddingSpread.measured(on: embedded, in: world) : nil
    return (verdict, verdict.isFinite && clipsGradients ? gradientNorm : nil, spread)
  }

  /// What exchanges have cost so far.
  var communication: ThroughputMeter.Communication {
    .init(
      waited: world.group.waited + world.statistics.waited + gradientStep.reduction.waited,
      sentBytes: world.group.sentBytes)
  }

  private var clipsGradients: Bool { configuration.training.maximumGradientNorm > 0 }

  /// What gradients of a joint norm are multiplied by so that it is at most the configured one
  /// (`torch.nn.utils.clip_grad_norm_`).
  private func clippingFactor(of norm: Double) -> Double {
    clipsGradients ? min(1, configuration.training.maximumGradientNorm / (norm + 1e-6)) : 1
  }

  /// The labels of images, if the method uses them.
  private func labels(_ indices: [Int]) -> Tensor? {
    method.usesLabels ? Tensor(indices.map { Int64(dataSet.label(at: $0)!) }) : nil
  }

  /// One view of each image, `[N, 3, S, S]`.
  private func view(_ index: Int, of batch: ViewBatch) -> Tensor {
    augmenters.isEmpty ? batch.views[index] : augmenters[index](batch.views[index], batch.parameters[index])
  }
}

extension World {
  /// Whether processes normalize by statistics of their own or of their group's.
  var normalizesApart: Bool { statistics.size < size }
}

extension ImageDataSet {
  /// - Throws: `ConfigurationError` where an image has no label.
  fileprivate func confirmLabeled(for method: MethodName) throws {
    guard let unlabeled = (0..<count).first(where: { label(at: $0) == nil }) else { return }
    throw ConfigurationError(
      \.method.name,
      "\(method.rawValue) learns from labels, and \(name(at: unlabeled)) has none: expected a folder for each class in data.path (STL-10: data.split=train); other methods need no labels"
    )
  }
}
