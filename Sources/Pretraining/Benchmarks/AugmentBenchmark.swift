import Augmentation
import DataSets
import Foundation
import Loading
import Torch

/// Measures a `ViewLoader` on its own: how fast it goes when nobody holds it up.
public struct AugmentBenchmark {
  public var dataSet: any ImageDataSet
  /// Side of a view in pixels.
  public var imageSize: Int
  public var threads = 1
  public var imagesPerRound = 1000
  public var rounds = 5
  /// Bytes of decoded pixels that are kept from round to round.
  public var cacheCapacity = 0
  /// Of the views' elements.
  public var dtype = DType.float32

  private static let batchSize = 64

  /// One thread, five rounds, float32, nothing kept.
  public init(dataSet: any ImageDataSet, imageSize: Int) {
    (self.dataSet, self.imageSize) = (dataSet, imageSize)
  }

  /// What was measured, as it is printed with `--json`.
  public struct Result: Codable, Sendable {
    /// The median of the rounds.
    public var imagesPerSecond: Double
    public var rounds: [Double]
    public var imageSize: Int
    public var threads: Int
    /// Of all threads together, for an image with its two views.
    public var microsecondsPerImage: [String: Double]
    /// What the loader holds at most in batches, and what it keeps decoded.
    public var batchBytes: Int
    public var cachedBytes: Int
    public var peakResidentBytes: Int
  }

  /// Measures it.
  ///
  /// - Parameter onRound: told the number of the round that begins, from 1.
  /// - Throws: what loading throws.
  public func run(onRound: (Int) -> Void) throws -> Result {
    let loader = try makeLoader(measuresStages: false)
    let batches = loader.epochs(0..<Int(Int32.max))
    defer { batches.cancel() }
    try consume(batches)
    let rates = try (1...rounds).map { round in
      onRound(round)
      let start = ContinuousClock.now
      let count = try consume(batches)
      return Double(count) / start.duration(to: .now).seconds
    }
    batches.cancel()
    return Result(
      imagesPerSecond: rates.sorted()[rates.count / 2], rounds: rates, imageSize: imageSize, threads: threads,
      microsecondsPerImage: try stages(),
      batchBytes: 2 * (batchesAhead + 1) * batchSize * 3 * imageSize * imageSize * dtype.byteCount,
      cachedBytes: loader.cachedBytes, peakResidentBytes: ProcessMemory.peakResidentBytes)
  }

  private var batchSize: Int { min(Self.batchSize, dataSet.count) }

  /// As many as training has by default.
  private var batchesAhead: Int { DataConfiguration().batchesAhead }

  private func makeLoader(measuresStages: Bool) throws -> ViewLoader {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = imageSize
    var options = ViewLoader.Options(threads: threads)
    options.batchesAhead = batchesAhead
    options.dtype = dtype
    options.cacheCapacity = cacheCapacity
    options.measuresStages = measuresStages
    return ViewLoader(
      dataSet: dataSet, augmenter: ViewAugmenter(configuration, seed: 0),
      sampler: try EpochSampler(count: dataSet.count, globalBatchSize: batchSize, seed: 0), options: options)
  }

  /// Takes batches until a round is full, and says how many images were in them.
  @discardableResult
  private func consume(_ batches: ViewBatches) throws -> Int {
    var count = 0
    while count < imagesPerRound, let batch = try batches.next() { count += batch.sampleIndices.count }
    return count
  }

  /// Measured apart, because asking the clock costs a little, and after a pass that touches all memory once.
  private func stages() throws -> [String: Double] {
    let loader = try makeLoader(measuresStages: true)
    let warmUp = loader.epoch(0)
    while try warmUp.next() != nil {}
    let perEpoch = dataSet.count / batchSize * batchSize
    let epochs = (imagesPerRound + perEpoch - 1) / perEpoch
    let batches = loader.epochs(1..<1 + epochs)
    while try batches.next() != nil {}
    return (batches.stages?.seconds ?? [:]).mapValues { $0 * 1e6 / Double(epochs * perEpoch) }
  }
}
