import Augmentation
import Encoders
import Methods
import Torch
import TorchDistributed
import TorchNN

/// Bytes that one of W processes sends in a step of pretraining, by theory: a ring all-reduce sends 2 (W − 1) / W times
/// the tensor from each process, an all-gather W − 1 times the process's own part; so does a small tensor that is reduced.
public struct StepTraffic: Codable, Sendable, Equatable {
  /// The all-reduce of all parameters' gradients; bfloat16 where they are compressed.
  public var gradients = 0
  /// The all-gather of this process's embeddings, with SimCLR of V views, `[V N / W, D]`.
  public var embeddings = 0
  /// The all-reduce of the gradient of all embeddings `[V N, D]`.
  public var embeddingGradients = 0
  /// The all-reduces of what a loss adds up over all images, and of its gradient where it has one.
  public var contrastSums = 0
  /// The all-reduces of `[2, C]` float64 that every layer makes with each view, forward and backward, and once more where
  /// activations are computed again; layers of a frozen network make them forward only, and with global views.
  public var batchNorm = 0
  /// The mean of running statistics, where processes normalize apart.
  public var runningStatistics = 0
  /// Loss, finiteness and the wish to stop: three float64.
  public var verdict = 0
  public var total = 0

  /// - Parameter configuration: resolved.
  init(of method: any PretrainingMethod, _ configuration: ResolvedConfiguration, in world: World) {
    guard world.isDistributed else { return }
    let parameters = method.trainedParameters().map(\.parameter.value)
    let device = parameters[0].device
    func allReduce(_ bytes: Int, of processes: Int) -> Int {
      ProcessGroup.bytesSent(allReducing: bytes, among: processes, on: device)
    }
    if configuration.distributed.overlapsBackward {
      let compresses = configuration.distributed.gradientCompression == .bf16
      let bytes = parameters.reduce(0) { $0 + $1.count * (compresses ? 2 : $1.dtype.byteCount) }
      // Buckets travel around the ring, however small.
      gradients = 2 * (world.size - 1) * bytes / world.size
    } else {
      gradients = parameters.reduce(0) { $0 + allReduce($1.count * $1.dtype.byteCount, of: world.size) }
    }

    let views = configuration.augmentation.views.count
    let elementBytes = configuration.training.precision == .fp64 ? 8 : 4
    let exchange = method.contrastExchange(views: views, globalBatchSize: configuration.training.globalBatchSize)
    let all = exchange.gathered * elementBytes
    contrastSums = 2 * exchange.summed.reduce(0) { $0 + allReduce($1 * elementBytes, of: world.size) }
    contrastSums += exchange.counted.reduce(0) { $0 + allReduce($1 * 8, of: world.size) }
    embeddings = (world.size - 1) * (all + exchange.collected * elementBytes) / world.size
    embeddingGradients = all == 0 ? 0 : allReduce(all, of: world.size)

    // With several parts, each is embedded a first time without gradients.
    let parts = configuration.training.accumulationSteps
    let embedded = (0..<views).count(where: method.embeds)
    let exchanges = embedded * (parts == 1 ? 2 : 3 * parts)
    let layers = method.batchNorms().filter(\.isTraining)
    let channels = layers.filter { !$0.isFrozen }.map(\.channels)
    func statistics(_ channels: [Int]) -> Int {
      channels.reduce(0) { $0 + allReduce(2 * $1 * 8, of: world.statistics.size) }
    }
    batchNorm = exchanges * statistics(channels)
    let targets = layers.filter(\.isFrozen).map(\.channels)
    let withTargets = (0..<AugmentationConfiguration.globalViewCount).count(where: method.hasTargets)
    batchNorm += withTargets * parts * statistics(targets)
    if method.encoder.recomputesBlocks {
      let again = method.encoder.blocks.flatMap { $0.batchNorms() }.map(\.channels)
      batchNorm += embedded * parts * statistics(again)
    }
    if world.normalizesApart {
      runningStatistics = allReduce((channels + targets).reduce(0) { $0 + 2 * $1 * elementBytes }, of: world.size)
    }
    verdict = ProcessGroup.bytesSent(allReducing: 3 * 8, among: world.size, on: .cpu)
    total = gradients + embeddings + embeddingGradients + contrastSums + batchNorm + runningStatistics + verdict
  }
}
