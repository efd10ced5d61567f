import Augmentation
import DataSets
import Foundation
import Loading
import Pretraining
import Torch

/// Measures a `ViewLoader` on its own: how fast it goes when nobody holds it up.
struct AugmentBenchmark {
  var dataSet: any ImageDataSet
  var imageSize: Int
  var threads = 1
  var imagesPerRound = 1000
  var rounds = 5
  var cacheCapacity = 0
  var dtype = DType.float32

  private static let batchSize = 64

  init(dataSet: any ImageDataSet, imageSize: Int) {
    (self.dataSet, self.imageSize) = (dataSet, imageSize)
  }

  /// What was measured, as it is printed with `--json`.
  struct Result: Codable {
    /// The median of the rounds.
    var imagesPerSecond: Double
    var rounds: [Double]
    var imageSize: Int
    var threads: Int
    /// Of all threads together, for an image with its two views.
    var microsecondsPerImage: [String: Double]
    /// What the loader holds at most in batches, and what it keeps decoded.
    var batchBytes: Int
    var cachedBytes: Int
    var peakResidentBytes: Int
  }

  func run(onRound: (Int) -> Void) throws -> Result {
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

extension AugmentBenchmark.Result {
  /// The same for people.
  var table: String {
    func fixed(_ value: Double) -> String { String(format: "%9.1f", value) }
    let order = ["read", "decode", "resize", "color", "blur", "tensor"]
    let stages = order.map { name in
      "  " + name.padding(toLength: 8, withPad: " ", startingAt: 0) + fixed(microsecondsPerImage[name] ?? 0)
    }
    let (low, high) = (rounds.min() ?? 0, rounds.max() ?? 0)
    return """
      \(fixed(imagesPerSecond).trimmingCharacters(in: .whitespaces)) images/s, two views of \(imageSize) pixels each, on \
      \(threads) threads (median of \(rounds.count); \(Int(low))…\(Int(high)))
      microseconds an image and thread:
      \(stages.joined(separator: "\n"))
      memory: batches \(batchBytes >> 20) MiB, cached pixels \(cachedBytes >> 20) MiB, peak of the process \
      \(peakResidentBytes >> 20) MiB
      """
  }
}
