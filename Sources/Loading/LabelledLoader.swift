import Augmentation
import DataSets
import Torch

/// Images as they are measured, with their labels.
public struct LabelledBatch: Sendable {
  /// Float32 `[N, 3, S, S]` on the CPU, normalised.
  public let images: Tensor
  /// Label of each image; empty when the data set carries none.
  public let labels: [Int]
  /// Index in the data set of each image.
  public let sampleIndices: [Int]
}

/// Goes once through a data set in its own order, without augmentation, on threads of its own.
///
/// Images that cannot be read are left out and counted; `BadImageTally` draws the line. The last batch holds what is
/// left.
public final class LabelledLoader: Sendable {
  /// What is gone through.
  public let dataSet: any ImageDataSet
  private let transform: EvaluationTransform
  private let batchSize: Int
  private let threads: Int
  private let batchesAhead: Int
  private let honorsEXIFOrientation: Bool
  private let tally: BadImageTally

  /// - Parameters:
  ///   - batchSize: images in a batch, at least 1.
  ///   - threads: threads that decode and resize, at least 1.
  ///   - batchesAhead: most batches that wait or are in the making, at least 1.
  ///   - honorsEXIFOrientation: whether images are turned upright as their EXIF data say.
  ///   - onBadImage: gets one line for the log for each unreadable image, on the thread that met it; it must not call
  ///     back into the loader.
  public init(
    dataSet: any ImageDataSet, transform: EvaluationTransform, batchSize: Int, threads: Int, batchesAhead: Int = 2,
    honorsEXIFOrientation: Bool = false,
    onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(batchSize >= 1, "LabelledLoader: expected a batch of at least 1 image, got \(batchSize)")
    self.dataSet = dataSet
    self.transform = transform
    self.batchSize = batchSize
    self.threads = threads
    self.batchesAhead = batchesAhead
    self.honorsEXIFOrientation = honorsEXIFOrientation
    tally = BadImageTally(dataSetCount: dataSet.count, onBadImage: onBadImage)
  }

  /// Distinct images found unreadable so far.
  public var badImageCount: Int { tally.count }

  /// Starts a pass over the data set.
  public func batches() -> LabelledBatches {
    let batchCount = (dataSet.count + batchSize - 1) / batchSize
    let pool = BatchMemory(kept: batchesAhead + 1)
    let pipeline = BatchPipeline<LabelledBatches.Storage, Void>(
      numbers: 0..<batchCount, threads: threads, batchesAhead: batchesAhead,
      begin: { [dataSet, batchSize, transform] number in
        let indices = number * batchSize..<min((number + 1) * batchSize, dataSet.count)
        let storage = try LabelledBatches.Storage(indices: indices, imageSize: transform.imageSize, pool: pool)
        return (storage, indices.count)
      },
      makeWorker: {},
      fill: { [dataSet, transform, tally, honorsEXIFOrientation] _, storage, place in
        let index = storage.indices.lowerBound + place
        do {
          let image = transform(
            try dataSet.image(at: index, honorsEXIFOrientation: honorsEXIFOrientation))
          transform.write(normalized: image, to: storage.images.floats(place))
          storage.isReadable[place] = true
        } catch {
          try tally.record(error, index: index)
        }
      })
    return LabelledBatches(pipeline, dataSet: dataSet)
  }
}

/// The batches of a `LabelledLoader`, in order. Letting go of it stops its threads.
public final class LabelledBatches: Sendable {
  /// A batch in the making. Each place is written by one thread, and read after all have finished.
  final class Storage: @unchecked Sendable {
    let indices: Range<Int>
    let images: ImageBuffer
    let isReadable: UnsafeMutableBufferPointer<Bool>

    init(indices: Range<Int>, imageSize: Int, pool: BatchMemory) throws {
      self.indices = indices
      images = try ImageBuffer(count: indices.count, imageSize: imageSize, layout: .planes, pool: pool)
      isReadable = .allocate(capacity: indices.count)
      isReadable.initialize(repeating: false)
    }

    deinit { isReadable.deallocate() }
  }

  private let pipeline: BatchPipeline<Storage, Void>
  private let dataSet: any ImageDataSet

  init(_ pipeline: BatchPipeline<Storage, Void>, dataSet: any ImageDataSet) {
    self.pipeline = pipeline
    self.dataSet = dataSet
  }

  deinit { pipeline.cancel() }

  /// The next batch that has at least one image; nil after the last one and after `cancel()`.
  ///
  /// - Throws: `LoadingError` when more than 1 % of the images cannot be read.
  public func next() throws -> LabelledBatch? {
    while let storage = try pipeline.next() {
      let places = storage.isReadable.indices.filter { storage.isReadable[$0] }
      if places.isEmpty { continue }
      storage.images.keep(places)
      let sampleIndices = places.map { storage.indices.lowerBound + $0 }
      return LabelledBatch(
        images: storage.images.tensor(count: places.count), labels: sampleIndices.compactMap(dataSet.label(at:)),
        sampleIndices: sampleIndices)
    }
    return nil
  }

  /// Stops loading: when it returns, no thread is left. Calling it again does nothing.
  public func cancel() { pipeline.cancel() }
}
