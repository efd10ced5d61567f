/// Decides which images make up which batch.
///
/// An epoch is one permutation of the data set, keyed by (seed, epoch) and nothing else. Global batch *k* is slice *k* of
/// it, and rank *r* takes the *r*-th part of the slice, so that the global batches are the same at any world size. Images
/// left over after the last whole batch are dropped for that epoch; the next permutation has others at its end.
public struct EpochSampler: Sendable {
  /// Images in the data set.
  public let count: Int
  /// Images in a batch, over all ranks.
  public let globalBatchSize: Int
  public let seed: UInt64
  public let rank: Int
  public let worldSize: Int

  /// Marks the random numbers that order an epoch, apart from those that augment its images.
  private static let permutationStream: UInt32 = 0x7065_726D

  /// - Throws: `VisionDataError` naming what would work, when the batch is empty, larger than the data set, or cannot be
  ///   split evenly over the ranks.
  public init(count: Int, globalBatchSize: Int, seed: UInt64, rank: Int = 0, worldSize: Int = 1) throws {
    precondition(worldSize >= 1 && (0..<worldSize).contains(rank), "EpochSampler: rank \(rank) of \(worldSize)")
    let key = "training.global_batch_size"
    guard globalBatchSize >= 1 else {
      throw VisionDataError("\(key): expected at least 1, got \(globalBatchSize)")
    }
    guard globalBatchSize <= count else {
      let largest = count / worldSize * worldSize
      let advice = largest > 0 ? "use at most \(largest)" : "it needs at least \(worldSize), one for each process"
      throw VisionDataError("\(key) \(globalBatchSize) is larger than the data set (\(count) images): \(advice)")
    }
    guard globalBatchSize.isMultiple(of: worldSize) else {
      let below = globalBatchSize / worldSize * worldSize
      let choices = [below, below + worldSize].filter { $0 > 0 && $0 <= count }.map(String.init)
      throw VisionDataError(
        "\(key) \(globalBatchSize) cannot be split evenly over \(worldSize) processes: use "
          + (choices.isEmpty ? "fewer processes" : choices.joined(separator: " or ")))
    }
    self.count = count
    self.globalBatchSize = globalBatchSize
    self.seed = seed
    self.rank = rank
    self.worldSize = worldSize
  }

  /// Whole global batches in an epoch.
  public var batchesPerEpoch: Int { count / globalBatchSize }

  /// Images of a batch that this rank takes.
  public var batchSizePerRank: Int { globalBatchSize / worldSize }

  /// Order of the whole data set in an epoch (Fisher–Yates), the same on every rank.
  public func permutation(epoch: Int) -> [Int] {
    var generator = PhiloxGenerator(seed: seed, epoch: epoch, sample: 0, stream: Self.permutationStream)
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      // Not the standard library's shuffle, whose order may change between versions of Swift: a resumed run needs the
      // same one.
      let other = generator.integer(below: last + 1)
      order.swapAt(last, other)
    }
    return order
  }

  /// The images of this rank in a batch: `batchSizePerRank` indices into the data set.
  public func indices(epoch: Int, batch: Int) -> [Int] {
    indices(of: permutation(epoch: epoch), batch: batch)
  }

  /// The same, from a permutation that the caller keeps for the length of an epoch.
  func indices(of permutation: [Int], batch: Int) -> [Int] {
    precondition(
      (0..<batchesPerEpoch).contains(batch), "EpochSampler: batch \(batch) of \(batchesPerEpoch) in an epoch")
    let start = batch * globalBatchSize + rank * batchSizePerRank
    return Array(permutation[start..<start + batchSizePerRank])
  }
}
