import Randomness

/// Decides which images make up which batch.
///
/// An epoch is one permutation of the data set, keyed by (seed, epoch) and nothing else. Global batch *k* is slice *k* of
/// it, and rank *r* takes the *r*-th part of the slice, so that the global batches are the same at any world size. Where
/// a batch is computed in several parts, rank *r* takes the *r*-th part of each, so that these are the same, too.
/// Images left over after the last whole batch are dropped for that epoch; the next permutation has others at its end.
public struct EpochSampler: Sendable {
  /// Images in the data set.
  public let count: Int
  /// Images in a batch, over all ranks.
  public let globalBatchSize: Int
  public let seed: UInt64
  public let rank: Int
  public let worldSize: Int
  /// Parts that a batch is computed in, one after another.
  public let accumulationSteps: Int

  /// Marks the random numbers that order an epoch, apart from those that augment its images.
  private static let permutationStream: UInt32 = 0x7065_726D

  /// - Throws: `LoadingError` naming what would work, when the batch is empty, larger than the data set, or cannot be
  ///   split evenly over the ranks and the parts.
  public init(
    count: Int, globalBatchSize: Int, seed: UInt64, rank: Int = 0, worldSize: Int = 1, accumulationSteps: Int = 1
  ) throws {
    precondition(worldSize >= 1 && (0..<worldSize).contains(rank), "EpochSampler: rank \(rank) of \(worldSize)")
    precondition(accumulationSteps >= 1, "EpochSampler: \(accumulationSteps) accumulation steps")
    let pieces = worldSize * accumulationSteps
    guard globalBatchSize >= 1 else {
      throw LoadingError("\(name: .globalBatchSize) \(globalBatchSize)", expected: "at least 1", isWrongUsage: true)
    }
    guard globalBatchSize <= count else {
      let largest = count / pieces * pieces
      throw LoadingError(
        "\(name: .globalBatchSize) \(globalBatchSize) is larger than the data set (\(count) images)",
        advice: largest > 0 ? "use at most \(largest)" : "it needs at least \(pieces), one for each process",
        isWrongUsage: true)
    }
    try Self.confirmDivides(
      globalBatchSize, worldSize: worldSize, accumulationSteps: accumulationSteps, largest: count)
    self.count = count
    self.globalBatchSize = globalBatchSize
    self.seed = seed
    self.rank = rank
    self.worldSize = worldSize
    self.accumulationSteps = accumulationSteps
  }

  /// Confirms that a global batch can be split evenly over ranks and parts.
  ///
  /// - Parameter largest: the largest batch that would be possible.
  /// - Throws: `LoadingError` naming what would work.
  public static func confirmDivides(
    _ globalBatchSize: Int, worldSize: Int, accumulationSteps: Int, largest: Int = .max
  ) throws {
    let pieces = worldSize * accumulationSteps
    guard !globalBatchSize.isMultiple(of: pieces) else { return }
    let below = globalBatchSize / pieces * pieces
    let choices = [below, below + pieces].filter { $0 > 0 && $0 <= largest }.map(String.init)
    let over = [
      worldSize > 1 ? "\(worldSize) processes" : nil,
      accumulationSteps > 1 ? "\(accumulationSteps) accumulation steps" : nil,
    ].compactMap { $0 }.joined(separator: " with ")
    throw LoadingError(
      "\(name: .globalBatchSize) \(globalBatchSize) cannot be split evenly over \(over)",
      advice: choices.isEmpty ? "use fewer of them" : "use \(choices.joined(separator: " or "))", isWrongUsage: true)
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
    let length = batchSizePerRank / accumulationSteps
    return (0..<accumulationSteps).flatMap { step in
      let start = batch * globalBatchSize + (step * worldSize + rank) * length
      return permutation[start..<start + length]
    }
  }
}
