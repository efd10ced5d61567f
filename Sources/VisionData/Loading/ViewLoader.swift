import Torch

/// Views of every image of a batch.
public struct ViewBatch: Sendable {
  /// The views in the order of `AugmentationConfiguration.views`: each float32 `[N, 3, S, S]` on the CPU, normalised, S
  /// being the size of that view. All hold the same images in the same order.
  public let views: [Tensor]
  /// Index in the data set of each image, `N` of them.
  public let sampleIndices: [Int]

  /// The first views.
  public var first: Tensor { views[0] }
  /// The second views.
  public var second: Tensor { views[1] }
}

/// Decodes and augments images on threads of its own, ahead of training.
///
/// What a batch holds depends on the data set, the augmenter's and the sampler's seeds, the epoch and the number of the
/// batch, and on nothing else: any number of threads gives the same bits.
///
/// An image that cannot be read is replaced by the next one in the order of the data set that can (after the last comes
/// the first), with the random numbers of the place it fills. `BadImageTally` draws the line.
public final class ViewLoader: Sendable {
  private let dataSet: any ImageDataSet
  private let augmenter: ViewAugmenter
  private let sampler: EpochSampler
  private let threads: Int
  private let batchesAhead: Int
  private let tally: BadImageTally

  /// - Parameters:
  ///   - threads: threads that decode and augment, at least 1.
  ///   - batchesAhead: most batches that wait or are in the making, at least 1; memory is bounded by them and the one
  ///     that the consumer holds.
  ///   - onBadImage: gets one line for the log for each unreadable image, once, on the thread that met it; it must not
  ///     call back into the loader.
  public init(
    dataSet: any ImageDataSet, augmenter: ViewAugmenter, sampler: EpochSampler, threads: Int, batchesAhead: Int = 2,
    onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(
      sampler.count == dataSet.count,
      "ViewLoader: the sampler is for \(sampler.count) images, the data set has \(dataSet.count)")
    self.dataSet = dataSet
    self.augmenter = augmenter
    self.sampler = sampler
    self.threads = threads
    self.batchesAhead = batchesAhead
    tally = BadImageTally(dataSetCount: dataSet.count, onBadImage: onBadImage)
  }

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
    var permutation: (epoch: Int, order: [Int])?
    let pipeline = BatchPipeline<ViewBatches.Storage>(
      numbers: start..<end, threads: threads, batchesAhead: batchesAhead,
      begin: { [self] number in
        let epoch = number / perEpoch
        if permutation?.epoch != epoch { permutation = (epoch, sampler.permutation(epoch: epoch)) }
        let indices = sampler.indices(of: permutation!.order, batch: number % perEpoch)
        let storage = ViewBatches.Storage(
          epoch: epoch, indices: indices, imageSizes: augmenter.views.map(\.imageSize))
        return (storage, indices.count)
      },
      fill: { [self] storage, place in try fill(storage, place) })
    return ViewBatches(pipeline)
  }

  private func fill(_ storage: ViewBatches.Storage, _ place: Int) throws {
    let wanted = storage.indices[place]
    let (image, index) = try readableImage(from: wanted)
    storage.sampleIndices[place] = index
    for (view, buffer) in storage.views.enumerated() {
      let pixels = augmenter.view(of: image, epoch: storage.epoch, sample: wanted, view: view)
      augmenter.write(normalized: pixels, to: buffer.image(place))
    }
  }

  /// The image at `start`, or the first after it that decodes.
  private func readableImage(from start: Int) throws -> (PixelImage, Int) {
    for step in 0..<dataSet.count {
      let index = (start + step) % dataSet.count
      if tally.contains(index) { continue }
      do {
        return (try dataSet.image(at: index), index)
      } catch let error as VisionDataError {
        try tally.record(error, index: index)
      }
    }
    throw VisionDataError("none of the \(dataSet.count) images can be read")
  }
}

/// The batches of a `ViewLoader`, in order. Letting go of it stops its threads.
public final class ViewBatches: Sendable {
  /// A batch in the making. Each place is written by one thread, and read after all have finished.
  final class Storage: @unchecked Sendable {
    let epoch: Int
    let indices: [Int]
    let views: [ImageBuffer]
    let sampleIndices: UnsafeMutableBufferPointer<Int>

    init(epoch: Int, indices: [Int], imageSizes: [Int]) {
      self.epoch = epoch
      self.indices = indices
      views = imageSizes.map { ImageBuffer(count: indices.count, imageSize: $0) }
      sampleIndices = .allocate(capacity: indices.count)
      sampleIndices.initialize(repeating: -1)
    }

    deinit { sampleIndices.deallocate() }
  }

  private let pipeline: BatchPipeline<Storage>

  init(_ pipeline: BatchPipeline<Storage>) { self.pipeline = pipeline }

  deinit { pipeline.cancel() }

  /// The next batch; nil after the last one and after `cancel()`. Waits until it is complete.
  ///
  /// - Throws: `VisionDataError` when more than 1 % of the images cannot be read.
  public func next() throws -> ViewBatch? {
    guard let storage = try pipeline.next() else { return nil }
    let count = storage.indices.count
    return ViewBatch(
      views: storage.views.map { $0.tensor(count: count) }, sampleIndices: Array(storage.sampleIndices))
  }

  /// Stops loading: when it returns, no thread is left. Calling it again does nothing.
  public func cancel() { pipeline.cancel() }
}
