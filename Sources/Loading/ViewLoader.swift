import Augmentation
import DataSets
import Torch

/// Views of every image of a batch.
public struct ViewBatch: Sendable {
  /// The views in the order of `AugmentationConfiguration.views`: each `[N, 3, S, S]`, on the CPU at first, channels-last in memory,
  /// normalised, in the type that the loader was asked for, S being the size of that view. All hold the same images in
  /// the same order. Where the loader was asked for uint8, they are the crops that views begin as, contiguous, for a
  /// `BatchAugmenter` to go on from.
  public var views: [Tensor]
  /// Of each view and image where `views` are uint8, else empty.
  public let parameters: [[ViewParameters]]
  /// Index in the data set of each image, `N` of them.
  public let sampleIndices: [Int]

  package init(views: [Tensor], parameters: [[ViewParameters]], sampleIndices: [Int]) {
    (self.views, self.parameters, self.sampleIndices) = (views, parameters, sampleIndices)
  }

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
/// the first), with the random numbers of the place it fills: by the same one in every epoch, process and resumed run.
/// `BadImageTally` draws the line. That a file is cut off is always seen; damage within a part of a large image that no
/// view needs is not.
public final class ViewLoader: Sendable {
  private let dataSet: any ImageDataSet
  private let augmenter: ViewAugmenter
  private let sampler: EpochSampler
  private let options: Options
  private let tally: BadImageTally
  private let cache: PixelCache?
  private let pool: BatchMemory

  /// How views are loaded, which (but for `dtype` and `honorsEXIFOrientation`) does not change what they are.
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
    /// Whether images are turned upright as their EXIF data say.
    public var honorsEXIFOrientation = false
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
    tally = BadImageTally(dataSetCount: dataSet.count, onBadImage: onBadImage)
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
    var permutation: (epoch: Int, order: [Int])?
    let stages = options.measuresStages ? StageTally() : nil
    let pipeline = BatchPipeline<ViewBatches.Storage, ViewMaker>(
      numbers: start..<end, threads: options.threads, batchesAhead: options.batchesAhead, placesAtOnce: placesAtOnce,
      begin: { [self] number in
        let epoch = number / perEpoch
        if permutation?.epoch != epoch { permutation = (epoch, sampler.permutation(epoch: epoch)) }
        let indices = sampler.indices(of: permutation!.order, batch: number % perEpoch)
        let views = try imageSizes.map {
          try ImageBuffer(
            count: indices.count, imageSize: $0, layout: layout, pool: pool, isPinned: options.pinsMemory)
        }
        let storage = ViewBatches.Storage(
          epoch: epoch, indices: indices, views: views, keepsParameters: options.dtype == .uint8)
        return (storage, indices.count)
      },
      makeWorker: { [self] in
        ViewMaker(
          augmenter,
          source: ImageSource(
            dataSet: dataSet, cache: cache, isScaling: augmenter.configuration.dctScaling,
            honorsEXIFOrientation: options.honorsEXIFOrientation, stages: stages?.makeTimes()),
          onlyCrops: options.dtype == .uint8)
      },
      fill: { [self] maker, storage, place in try fill(storage, place, with: maker) })
    return ViewBatches(pipeline, stages: stages)
  }

  private var imageSizes: [Int] { augmenter.views.map(\.imageSize) }

  private var layout: ImageBuffer.Layout {
    switch options.dtype {
    case .uint8: .levels
    case .bfloat16: .channelsLastBFloat16
    case .float16: .channelsLastFloat16
    default: .channelsLast
    }
  }

  /// Small views take microseconds each, of which a thread makes several before it asks for more; but no thread takes so
  /// many of a batch that the others wait for it.
  private var placesAtOnce: Int {
    let pixels = imageSizes.map { $0 * $0 }.reduce(0, +)
    return max(1, min(96 * 96 / pixels, sampler.batchSizePerRank / (4 * options.threads)))
  }

  /// Makes the views of the wanted image, or of the first after it that can be read.
  ///
  /// What was found unreadable before is tried again: if it were passed over, a run that is resumed, which does not know
  /// of it yet, would go on differently.
  private func fill(_ storage: ViewBatches.Storage, _ place: Int, with maker: ViewMaker) throws {
    let wanted = storage.indices[place]
    for step in 0..<dataSet.count {
      let index = (wanted + step) % dataSet.count
      do {
        try maker.makeViews(of: index, epoch: storage.epoch, sample: wanted) { planes, view, parameters in
          storage.views[view].write(planes, normalizedBy: augmenter.normalization, at: place)
          storage.keep(parameters, of: view, at: place)
        }
        storage.sampleIndices[place] = index
        return
      } catch {
        try tally.record(error, index: index)
      }
    }
    throw LoadingError("none of the \(dataSet.count) images can be read")
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
    /// View by view; none where nobody needs them.
    private let parameters: UnsafeMutableBufferPointer<ViewParameters?>

    init(epoch: Int, indices: [Int], views: [ImageBuffer], keepsParameters: Bool) {
      self.epoch = epoch
      self.indices = indices
      self.views = views
      sampleIndices = .allocate(capacity: indices.count)
      sampleIndices.initialize(repeating: -1)
      parameters = .allocate(capacity: keepsParameters ? views.count * indices.count : 0)
      parameters.initialize(repeating: nil)
    }

    deinit {
      sampleIndices.deallocate()
      parameters.deinitialize()
      parameters.deallocate()
    }

    /// Notes the parameters of a view, if crops are made.
    func keep(_ parameters: ViewParameters, of view: Int, at place: Int) {
      if !self.parameters.isEmpty { self.parameters[view * indices.count + place] = parameters }
    }

    /// The parameters of each view, once all places are filled; empty unless crops are made.
    var parametersOfViews: [[ViewParameters]] {
      stride(from: 0, to: parameters.count, by: max(1, indices.count)).map { start in
        parameters[start..<start + indices.count].map { $0! }
      }
    }
  }

  private let pipeline: BatchPipeline<Storage, ViewMaker>

  private let stageTally: StageTally?

  init(_ pipeline: BatchPipeline<Storage, ViewMaker>, stages: StageTally?) {
    self.pipeline = pipeline
    stageTally = stages
  }

  deinit { pipeline.cancel() }

  /// The next batch; nil after the last one and after `cancel()`. Waits until it is complete.
  ///
  /// - Throws: `LoadingError` when more than 1 % of the images cannot be read.
  public func next() throws -> ViewBatch? { try pipeline.next().map(batch) }

  /// The next batch if it is complete by now; nil where it is not, and where there is none. What went wrong is for
  /// ``next()`` to throw.
  public func nextIfComplete() -> ViewBatch? {
    guard pipeline.isNextComplete else { return nil }
    return try? next()
  }

  private func batch(_ storage: Storage) -> ViewBatch {
    let count = storage.indices.count
    return ViewBatch(
      views: storage.views.map { $0.tensor(count: count) }, parameters: storage.parametersOfViews,
      sampleIndices: Array(storage.sampleIndices))
  }

  /// Stops loading: when it returns, no thread is left. Calling it again does nothing.
  public func cancel() { pipeline.cancel() }

  /// How long each stage took over all threads, which must have ended; nil unless `Options.measuresStages`.
  public var stages: StageTimes? { stageTally?.total }
}
