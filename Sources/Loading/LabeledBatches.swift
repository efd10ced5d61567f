import DataSets
import Torch

/// Images as they are measured, with their labels.
public struct LabeledBatch: Sendable {
  /// Float32 `[N, 3, S, S]` on the CPU, normalized.
  public let images: Tensor
  /// Label of each image; empty when the data set carries none.
  public let labels: [Int]
  /// Index in the data set of each image.
  public let sampleIndices: [Int]
}

/// The batches of a `LabeledLoader`, in order. Letting go of it stops its threads.
public final class LabeledBatches: Sendable {
  private let pipeline: BatchPipeline<LabeledPlan>
  private let dataSet: any ImageDataSet

  init(_ pipeline: BatchPipeline<LabeledPlan>, dataSet: any ImageDataSet) {
    self.pipeline = pipeline
    self.dataSet = dataSet
  }

  deinit { pipeline.cancel() }

  /// The next batch that has at least one image; nil after the last one and after `cancel()`.
  ///
  /// - Throws: `LoadingError` when too many of the images cannot be read.
  public func next() throws -> LabeledBatch? {
    while let storage = try pipeline.next() {
      let places = storage.isReadable.indices.filter { storage.isReadable[$0] }
      if places.isEmpty { continue }
      storage.images.keep(places)
      let sampleIndices = places.map { storage.indices.lowerBound + $0 }
      return LabeledBatch(
        images: storage.images.tensor(count: places.count), labels: sampleIndices.compactMap(dataSet.label(at:)),
        sampleIndices: sampleIndices)
    }
    return nil
  }

  /// Stops loading: when it returns, no thread is left. Calling it again does nothing.
  public func cancel() { pipeline.cancel() }
}
