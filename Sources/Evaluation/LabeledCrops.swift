import Augmentation
import DataSets
import Loading
import Torch

/// Random crops of labeled images, mirrored half of the time: what classifiers learn from that see images anew in every epoch
/// (SimCLR, appendix B.5 and B.6). Sizes of crops, sides, interpolation and normalization are those of pretraining.
public struct LabeledCrops {
  /// How many images an epoch has; a few are left out of each, others every time.
  let imagesPerEpoch: Int
  let batchesPerEpoch: Int
  private let dataSet: any ImageDataSet
  private let loader: ViewLoader

  /// Images that are loaded at a time, at most.
  private static let largestBatch = 256

  /// - Parameters:
  ///   - dataSet: labeled images.
  ///   - augmentation: of pretraining.
  ///   - batchSize: images in a batch, at most; nil for as many as are good to load at a time.
  ///   - seed: decides order and crops.
  ///   - options: how images are loaded.
  ///   - onBadImage: gets a line for each image that cannot be read, on the thread that met it; the next one takes its place.
  /// - Throws: ``EvaluationError`` when images have no labels.
  public init(
    _ dataSet: any ImageDataSet, augmentation: AugmentationConfiguration, batchSize: Int? = nil, seed: UInt64,
    options: ViewLoader.Options, onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    let unlabeled = (0..<dataSet.count).count { dataSet.label(at: $0) == nil }
    guard unlabeled == 0 else {
      throw EvaluationError(
        "a classifier learns from labeled images, but \(unlabeled) of \(dataSet.count) train images have no label. "
          + "Put the images of each class into a folder of its own, such as train/CLASS/image.jpg")
    }
    self.dataSet = dataSet
    // As equal parts as can be, so that few images are left over.
    let parts = (dataSet.count + Self.largestBatch - 1) / Self.largestBatch
    let size = batchSize.map { min($0, dataSet.count) } ?? dataSet.count / parts
    let sampler = try EpochSampler(count: dataSet.count, globalBatchSize: size, seed: seed)
    (batchesPerEpoch, imagesPerEpoch) = (sampler.batchesPerEpoch, sampler.batchesPerEpoch * size)
    loader = ViewLoader(
      dataSet: dataSet, augmenter: ViewAugmenter(firstViewOf: Self.cropsAndFlips(augmentation), seed: seed),
      sampler: sampler, options: options, onBadImage: onBadImage)
  }

  /// Goes through an epoch.
  ///
  /// - Parameter body: gets images `[N, 3, S, S]` on the CPU with their labels.
  package func forEachBatch(inEpoch epoch: Int, _ body: (_ images: Tensor, _ labels: [Int]) throws -> Void) throws {
    let batches = loader.epoch(epoch)
    defer { batches.cancel() }
    while let batch = try batches.next() {
      try body(batch.first, batch.sampleIndices.map { dataSet.label(at: $0)! })
    }
  }

  /// Only what is said of crops and of how pixels become numbers.
  private static func cropsAndFlips(_ pretraining: AugmentationConfiguration) -> AugmentationConfiguration {
    var result = AugmentationConfiguration()
    (result.jitterProbability, result.grayscaleProbability, result.blurProbability) = (0, 0, 0)
    result.imageSize = pretraining.imageSize
    result.interpolation = pretraining.interpolation
    result.cropScaleMinimum = pretraining.cropScaleMinimum
    result.cropScaleMaximum = pretraining.cropScaleMaximum
    result.cropAspectRatioMinimum = pretraining.cropAspectRatioMinimum
    result.cropAspectRatioMaximum = pretraining.cropAspectRatioMaximum
    result.dctScaling = pretraining.dctScaling
    result.mean = pretraining.mean
    result.standardDeviation = pretraining.standardDeviation
    return result
  }
}
