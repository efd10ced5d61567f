import Augmentation
import DataSets

/// What a labeled loader's pipeline makes: the images of a data set in order, as they are measured.
struct LabeledPlan: BatchPlan {
  let dataSet: any ImageDataSet
  let transform: EvaluationTransform
  let batchSize: Int
  let appliesExifOrientation: Bool
  let pool: BatchMemory
  let tally: BadImageTally

  func beginBatch(_ number: Int) throws -> LabeledStorage {
    let indices = number * batchSize..<min((number + 1) * batchSize, dataSet.count)
    return try LabeledStorage(indices: indices, imageSize: transform.imageSize, pool: pool)
  }

  func makeWorker() -> LabeledWorker { LabeledWorker(plan: self) }
}

/// Decodes and transforms images for one thread.
struct LabeledWorker: BatchWorker {
  fileprivate let plan: LabeledPlan

  func fill(_ place: Int, of batch: LabeledStorage) throws {
    let index = batch.indices.lowerBound + place
    do {
      let image = try plan.dataSet.image(at: index, appliesExifOrientation: plan.appliesExifOrientation)
      plan.transform.write(normalized: plan.transform(image), to: batch.images.floats(place))
      batch.isReadable[place] = true
    } catch {
      try plan.tally.record(error, index: index)
    }
  }
}

/// A batch of images in the making. Each place is written by one thread, and read after all have finished.
final class LabeledStorage: BatchStorage, @unchecked Sendable {
  let indices: Range<Int>
  let images: ImageBuffer
  /// Of each image, whether it could be read.
  let isReadable: UnsafeMutableBufferPointer<Bool>

  init(indices: Range<Int>, imageSize: Int, pool: BatchMemory) throws {
    self.indices = indices
    images = try ImageBuffer(count: indices.count, imageSize: imageSize, layout: .planes, pool: pool)
    isReadable = .allocate(capacity: indices.count)
    isReadable.initialize(repeating: false)
  }

  deinit { isReadable.deallocate() }

  var count: Int { indices.count }
}
