import Augmentation
import DataSets

/// Goes once through a data set in its own order, without augmentation, on threads of its own.
///
/// Images that cannot be read are left out and counted; `BadImageTally` draws the line. The last batch holds what is
/// left.
public final class LabeledLoader: Sendable {
  /// What is gone through.
  public let dataSet: any ImageDataSet
  private let transform: EvaluationTransform
  private let batchSize: Int
  private let threads: Int
  private let batchesAhead: Int
  private let appliesExifOrientation: Bool
  private let tally: BadImageTally

  /// - Parameters:
  ///   - batchSize: images in a batch, at least 1.
  ///   - threads: threads that decode and resize, at least 1.
  ///   - batchesAhead: most batches that wait or are in the making, at least 1.
  ///   - appliesExifOrientation: whether images are turned upright as their EXIF data say.
  ///   - badImageLimit: how many images may be unreadable.
  ///   - onBadImage: gets one line for the log for each unreadable image, on the thread that met it; it must not call
  ///     back into the loader.
  public init(
    dataSet: any ImageDataSet, transform: EvaluationTransform, batchSize: Int, threads: Int, batchesAhead: Int = 2,
    appliesExifOrientation: Bool = false, badImageLimit: BadImageLimit = BadImageLimit(),
    onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(batchSize >= 1, "LabeledLoader: expected a batch of at least 1 image, got \(batchSize)")
    self.dataSet = dataSet
    self.transform = transform
    self.batchSize = batchSize
    self.threads = threads
    self.batchesAhead = batchesAhead
    self.appliesExifOrientation = appliesExifOrientation
    tally = BadImageTally(dataSetCount: dataSet.count, limit: badImageLimit, onBadImage: onBadImage)
  }

  /// Distinct images found unreadable so far.
  public var badImageCount: Int { tally.count }

  /// Starts a pass over the data set.
  public func batches() -> LabeledBatches {
    let batchCount = (dataSet.count + batchSize - 1) / batchSize
    let plan = LabeledPlan(
      dataSet: dataSet, transform: transform, batchSize: batchSize, appliesExifOrientation: appliesExifOrientation,
      pool: BatchMemory(kept: batchesAhead + 1), tally: tally)
    let pipeline = BatchPipeline(plan, numbers: 0..<batchCount, threads: threads, batchesAhead: batchesAhead)
    return LabeledBatches(pipeline, dataSet: dataSet)
  }
}
