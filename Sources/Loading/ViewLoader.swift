import Augmentation
import DataSets
import Torch

/// Decodes and augments images on threads of its own, ahead of training.
///
/// What a batch holds depends on the data set, the augmenter's and the sampler's seeds, the epoch and the number of the
/// batch, and on nothing else: any number of threads gives the same bits.
///
/// An image that cannot be read is replaced by the next one in the order of the data set that can (after the last comes
/// the first), with the random numbers of the place it fills: by the same one in every epoch, process and resumed run.
/// `BadImageTally` draws the line. That a file is cut off is always seen; damage within a part of a large image that no
/// view needs is not.
public final class ViewLoader: Sendable {
  let dataSet: any ImageDataSet
  let augmenter: ViewAugmenter
  let sampler: EpochSampler
  let options: Options
  let tally: BadImageTally
  let cache: PixelCache?
  let pool: BatchMemory

  /// How views are loaded, which (but for `dtype` and `appliesExifOrientation`) does not change what they are.
  public struct Options: Sendable {
    /// Threads that decode and augment, at least 1.
    public var threads: Int
    /// Most batches that wait or are in the making, at least 1; memory is bounded by them and the one that the consumer
    /// holds.
    public var batchesAhead = 2
    /// Type of the views' elements, float32, bfloat16 or float16; uint8 asks for crops instead of views.
    public var dtype = DType.float32
    /// Whether views lie in memory that CUDA devices read by themselves, where there is CUDA.
    public var pinsMemory = false
    /// Bytes of decoded pixels of small images that are kept for the next epoch, at most.
    public var cacheCapacity = 0
    /// How many images may be unreadable.
    public var badImageLimit = BadImageLimit()
    /// Whether images are turned upright as their EXIF data say.
    public var appliesExifOrientation = false
    /// Whether the time of each stage is taken, which costs a little.
    public var measuresStages = false

    public init(threads: Int) { self.threads = threads }
  }

  /// - Parameter onBadImage: gets one line for the log for each unreadable image, once, on the thread that met it; it must
  ///   not call back into the loader.
  public init(
    dataSet: any ImageDataSet, augmenter: ViewAugmenter, sampler: EpochSampler, options: Options,
    onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(
      sampler.count == dataSet.count,
      "ViewLoader: the sampler is for \(sampler.count) images, the data set has \(dataSet.count)")
    precondition(
      [.float32, .bfloat16, .float16, .uint8].contains(options.dtype),
      "ViewLoader: views are float32, bfloat16, float16 or uint8, not \(options.dtype)")
    self.dataSet = dataSet
    self.augmenter = augmenter
    self.sampler = sampler
    self.options = options
    tally = BadImageTally(
      dataSetCount: dataSet.count, limit: options.badImageLimit, onBadImage: onBadImage)
    cache =
      options.cacheCapacity > 0 ? PixelCache(imageCount: dataSet.count, capacity: options.cacheCapacity) : nil
    // The batches that are waiting, and the one that the consumer holds.
    pool = BatchMemory(kept: (options.batchesAhead + 1) * augmenter.views.count)
  }

  /// Bytes that decoded images take which are kept for the next epoch.
  public var cachedBytes: Int { cache?.bytes ?? 0 }

  /// Distinct images found unreadable so far.
  public var badImageCount: Int { tally.count }

  /// Starts loading one epoch, from the given batch to its end.
  public func epoch(_ epoch: Int, startingAtBatch batch: Int = 0) -> ViewBatches {
    epochs(epoch..<epoch + 1, startingAtBatch: batch)
  }

  /// Starts loading several epochs as one stream, which does not run dry between them.
  ///
  /// - Parameter batch: where to start in the first epoch, 0…`batchesPerEpoch`.
  public func epochs(_ epochs: Range<Int>, startingAtBatch batch: Int = 0) -> ViewBatches {
    precondition(
      (0...sampler.batchesPerEpoch).contains(batch),
      "ViewLoader: batch \(batch) of \(sampler.batchesPerEpoch) in an epoch")
    let perEpoch = sampler.batchesPerEpoch
    let end = epochs.upperBound * perEpoch
    let start = min(epochs.lowerBound * perEpoch + batch, end)
    let stages = options.measuresStages ? StageTally() : nil
    let pipeline = BatchPipeline(
      ViewPlan(self, stages: stages), numbers: start..<end, threads: options.threads,
      batchesAhead: options.batchesAhead, placesAtOnce: placesAtOnce)
    return ViewBatches(pipeline, stages: stages)
  }

  /// Small views take microseconds each, of which a thread makes several before it asks for more; but no thread takes so
  /// many of a batch that the others wait for it.
  private var placesAtOnce: Int {
    let pixels = augmenter.views.map { $0.imageSize * $0.imageSize }.reduce(0, +)
    return max(1, min(96 * 96 / pixels, sampler.batchSizePerRank / (4 * options.threads)))
  }
}
