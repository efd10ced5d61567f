/// What a `BatchPipeline` makes: how a batch begins, and who fills it.
protocol BatchPlan: Sendable {
  associatedtype Storage: BatchStorage
  associatedtype Worker: BatchWorker where Worker.Storage == Storage

  /// Makes the storage of a batch. Called in the order of the numbers, one at a time.
  func beginBatch(_ number: Int) throws -> Storage

  /// Makes what one thread fills batches with; called on that thread.
  func makeWorker() -> Worker
}

/// A batch in the making.
protocol BatchStorage: Sendable {
  /// How many places are to be filled.
  var count: Int { get }
}

/// Fills batches on one thread, in memory that it keeps.
protocol BatchWorker {
  associatedtype Storage

  /// Fills one place, while others fill other places. What it fills in must not depend on which thread it is.
  func fill(_ place: Int, of batch: Storage) throws
}
