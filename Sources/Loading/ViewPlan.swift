import Augmentation
import DataSets
import Torch

/// What a loader's pipeline makes: for each number of a batch, counted over all epochs, the images that the sampler chose,
/// and memory for their views.
final class ViewPlan: BatchPlan, @unchecked Sendable {
  private let loader: ViewLoader
  private let stages: StageTally?
  /// Of the epoch at hand; only ``beginBatch(_:)`` looks at it.
  private var permutation: (epoch: Int, order: [Int])?

  init(_ loader: ViewLoader, stages: StageTally?) {
    self.loader = loader
    self.stages = stages
  }

  func beginBatch(_ number: Int) throws -> ViewStorage {
    let (epoch, batch) = number.quotientAndRemainder(dividingBy: loader.sampler.batchesPerEpoch)
    if permutation?.epoch != epoch { permutation = (epoch, loader.sampler.permutation(epoch: epoch)) }
    let indices = loader.sampler.indices(of: permutation!.order, batch: batch)
    let views = try loader.augmenter.views.map {
      try ImageBuffer(
        count: indices.count, imageSize: $0.imageSize, layout: layout, pool: loader.pool,
        isPinned: loader.options.pinsMemory)
    }
    return ViewStorage(epoch: epoch, wantedIndices: indices, views: views, keepsParameters: makesOnlyCrops)
  }

  func makeWorker() -> ViewMaker {
    let source = ImageSource(
      dataSet: loader.dataSet, cache: loader.cache, isScaling: loader.augmenter.configuration.dctScaling,
      appliesExifOrientation: loader.options.appliesExifOrientation, stages: stages?.makeTimes())
    return ViewMaker(
      loader.augmenter, imageCount: loader.dataSet.count, source: source, makesOnlyCrops: makesOnlyCrops,
      tally: loader.tally)
  }

  private var makesOnlyCrops: Bool { loader.options.dtype == .uint8 }

  private var layout: ImageBuffer.Layout {
    switch loader.options.dtype {
    case .uint8: .levels
    case .bfloat16: .channelsLastBFloat16
    case .float16: .channelsLastFloat16
    default: .channelsLast
    }
  }
}
