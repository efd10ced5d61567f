import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Swapping assignments between views (Caron et al. 2020, arXiv 2006.09882): every view predicts to which prototypes the
/// global views of its image were assigned; assignments share the images of all processes out evenly among prototypes.
///
/// The first queue is drawn at random.
public final class SwAV: Module, PretrainingMethod {
  /// What is compared, and how.
  public struct Settings: Sendable {
    /// K.
    public var prototypes = 3000
    /// τ, which similarities are divided by in predictions.
    public var temperature = 0.1
    /// ε of ``Sinkhorn``.
    public var epsilon = 0.05
    public var sinkhornIterations = 3
    /// Images of earlier steps that are shared out together with those of a step; 0: none.
    public var queueLength = 0
    /// Epochs after which the queue is used.
    public var queueStartEpochs = 0.0
    /// Epochs in which prototypes stay as they were drawn.
    public var frozenPrototypesEpochs = 1.0

    /// The paper's, without a queue.
    public init() {}
  }

  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead
  /// Rows of length 1: `[K, D]`.
  public let prototypes: Linear
  /// Projections of length 1 of both global views of earlier images, `[L, 2, D]`, the oldest first; nil without a queue.
  public let queue: Buffer?
  public let settings: Settings
  private let sinkhorn: Sinkhorn
  private let group: ProcessGroup
  /// The step that is made; before the first one the queue counts as used.
  private var position: StepPosition?
  /// This process's projections of the step that is being made, `[N, 2, D]`.
  private var newProjections: Tensor?

  /// - Parameters:
  ///   - settings: with a queue of whole global batches, so that whole batches leave.
  ///   - generator: draws prototypes and queue.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(
    encoder: any ImageEncoder, projectionHead: ProjectionHead, settings: Settings, generator: Generator,
    over group: ProcessGroup = .single()
  ) {
    let dimension = projectionHead.outputDimension
    precondition(
      settings.queueLength.isMultiple(of: group.size),
      "SwAV: a queue of \(settings.queueLength) does not divide among \(group.size) processes")
    (self.encoder, self.projectionHead, self.settings, self.group) = (encoder, projectionHead, settings, group)
    prototypes = Linear(dimension, settings.prototypes, bias: false, generator: generator)
    queue =
      settings.queueLength == 0
      ? nil : Buffer(Functional.normalize(Tensor.randn([settings.queueLength, 2, dimension], generator: generator)))
    sinkhorn = Sinkhorn(epsilon: settings.epsilon, iterations: settings.sinkhornIterations, over: group)
    super.init()
    normalizePrototypes()
  }

  /// Gives every prototype the length 1.
  private func normalizePrototypes() {
    withoutGradients {
      let weight = prototypes.weight.value.detached()
      weight.copy_(Functional.normalize(weight))
    }
  }

  public func beginStep(at position: StepPosition) { self.position = position }

  /// The prototypes, in the first epochs.
  public func heldParameters(at position: StepPosition) -> [Parameter] {
    position.epochs < settings.frozenPrototypesEpochs ? [prototypes.weight] : []
  }

  /// Cosines with the prototypes `[N, K]`, and with a queue the projections `[N, D]` that they are of.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] {
    let projections = projectionHead(encoder(images))
    return withAutocast(projections.device, .float32) {
      let unit = Functional.normalize(projections.to(prototypes.weight.value.dtype))
      return [prototypes(unit)] + (queue == nil ? [] : [unit])
    }
  }

  /// The paper's Eq. 2 with multi-crop (Eq. 6): the mean over global views and all views that are not they of the cross-entropy
  /// between the codes of the one and the softmax of the other's similarities, over τ.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    let scores = views.map { $0.embeddings[0] }
    keepForQueue(views.prefix(globalCount))
    return withAutocast(scores[0].device, .float32) {
      let predictions = scores.map { Functional.logSoftmax($0 / settings.temperature, dimension: 1) }
      let codes = (0..<globalCount).map { self.codes(of: scores[$0], view: $0).to(scores[0].dtype) }
      return crossEntropyOfSwappedViews(predictions, targets: codes, imageCount: group.size * scores[0].shape[0])
    }
  }

  /// The codes `[N, K]` of this process's images, shared out together with its part of the queue.
  private func codes(of scores: Tensor, view: Int) -> Tensor {
    guard let queue, usesQueue(forBatchOf: group.size * scores.shape[0]) else { return sinkhorn(scores) }
    let length = settings.queueLength / group.size
    let earlier = queue.value.narrow(0, group.rank * length..<(group.rank + 1) * length).select(1, view)
    let all = withoutGradients { Tensor.concatenate([scores.detached(), prototypes(earlier)]) }
    return sinkhorn(all).narrow(0, 0..<scores.shape[0])
  }

  /// Whether it is time to, and the queue holds images only.
  private func usesQueue(forBatchOf images: Int) -> Bool {
    guard let position else { return true }
    return position.epochs >= settings.queueStartEpochs && position.step * images >= settings.queueLength
  }

  private func keepForQueue(_ views: ArraySlice<ViewEmbeddings>) {
    guard queue != nil else { return }
    newProjections = Tensor.stack(views.map { $0.embeddings[1].detached() }, dimension: 1)
  }

  public func finishStep(at position: StepPosition) {
    normalizePrototypes()
    guard let queue, let newProjections else { return }
    queue.enqueue(newProjections, over: group)
    self.newProjections = nil
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    let globalCount = min(views, 2)
    return ContrastExchange(
      collected: queue == nil ? 0 : globalCount * globalBatchSize * projectionHead.outputDimension,
      counted: Array(repeating: settings.prototypes, count: globalCount * settings.sinkhornIterations))
  }
}
