import Loading
import Torch

/// What takes the views of a batch to the device while that computes.
package protocol BatchUploading: AnyObject {
  /// Begins to copy tensors.
  func begin(_ tensors: [Tensor])
  /// The copies of the tensors last begun with.
  func finish() -> [Tensor]
}

extension DeviceUploader: BatchUploading {}

/// Batches for training, in order. With an uploader the next one is on its way to the device while it computes a step, as
/// soon as the loader has it; without one batches stay where the loader made them.
package final class BatchFeed {
  private let loadNext: () throws -> ViewBatch?
  private let loadIfComplete: () -> ViewBatch?
  private let uploader: (any BatchUploading)?
  /// The batch that is on its way.
  private var underWay: ViewBatch?

  /// - Parameters:
  ///   - next: the next batch, waited for; nil after the last one.
  ///   - nextIfComplete: the next batch if it need not be waited for.
  package init(
    next: @escaping () throws -> ViewBatch?, nextIfComplete: @escaping () -> ViewBatch?,
    uploader: (any BatchUploading)?
  ) {
    (loadNext, loadIfComplete, self.uploader) = (next, nextIfComplete, uploader)
  }

  /// The next batch; nil after the last one.
  ///
  /// - Throws: what the loader throws.
  package func next() throws -> ViewBatch? {
    guard let uploader else { return try loadNext() }
    if underWay == nil { begin(try loadNext()) }
    guard var batch = underWay else { return nil }
    underWay = nil
    batch.views = uploader.finish()
    return batch
  }

  /// Begins to upload the next batch, if the loader has it. To be called when the device has work to do.
  package func prepareNext() {
    if uploader != nil, underWay == nil { begin(loadIfComplete()) }
  }

  private func begin(_ batch: ViewBatch?) {
    underWay = batch
    if let batch { uploader?.begin(batch.views) }
  }
}
