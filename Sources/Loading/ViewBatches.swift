import Augmentation

/// The batches of a `ViewLoader`, in order. Letting go of it stops its threads.
public final class ViewBatches: Sendable {
  private let pipeline: BatchPipeline<ViewPlan>
  private let stageTally: StageTally?

  init(_ pipeline: BatchPipeline<ViewPlan>, stages: StageTally?) {
    self.pipeline = pipeline
    stageTally = stages
  }

  deinit { pipeline.cancel() }

  /// The next batch; nil after the last one and after `cancel()`. Waits until it is complete.
  ///
  /// - Throws: `LoadingError` when more than 1 % of the images cannot be read.
  public func next() throws -> ViewBatch? { try pipeline.next()?.batch() }

  /// The next batch if it is complete by now; nil where it is not, and where there is none. What went wrong is for
  /// ``next()`` to throw.
  public func nextIfComplete() -> ViewBatch? {
    guard pipeline.isNextComplete else { return nil }
    return try? next()
  }

  /// Stops loading: when it returns, no thread is left. Calling it again does nothing.
  public func cancel() { pipeline.cancel() }

  /// How long each stage took over all threads, which must have ended; nil unless `Options.measuresStages`.
  public var stages: StageTimes? { stageTally?.total }
}
