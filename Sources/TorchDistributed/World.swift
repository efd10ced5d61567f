import Foundation
import Launching
import Torch
import TorchNN

/// All processes of one training, seen from one of them.
public final class World: @unchecked Sendable {
  /// How processes are connected.
  public struct Options: Sendable {
    /// How long an exchange may take, and how long processes wait for each other at the start.
    public var timeout = Duration.seconds(60)
    /// The network interface to connect over; nil: the one that leads to the rendezvous.
    public var interface: String?
    /// Cores for this process; nil: its share of those that it may run on.
    public var coreCount: Int?
    /// Ranks whose statistics batch normalization shares: 0: all; 1: none; else groups of so many.
    public var batchNormRanks = 0
    /// What this process brings to exchanges over NCCL, which are used where every process has a CUDA device of its own.
    public var offer = Carrier.Offer()
    /// How long a CUDA device may take to let go of the training thread, once another process was lost.
    public var stuckPatience = Duration.seconds(60)
    /// Ends this process when it takes longer; traps with the error otherwise.
    public var endStuckProcess: @Sendable (DistributedError) -> Void = { fatalError("\($0)") }

    /// The defaults.
    public init() {}
  }

  public let rank: Int
  public let localRank: Int
  public let size: Int
  /// Processes on this machine.
  public let localSize: Int
  /// Cores for this process.
  public let coreCount: Int
  /// For all that is not said to have a group of its own.
  public internal(set) var group: ProcessGroup
  /// For gradients: large exchanges, which others should not queue behind.
  public internal(set) var gradients: ProcessGroup
  /// For the statistics of batch normalization; it may be a part of the world.
  public internal(set) var statistics: ProcessGroup
  /// What carries exchanges, between processes that have met.
  public internal(set) var carrier = Carrier.gloo(because: nil)
  /// nil for a process alone.
  let membership: Membership?
  /// nil where nothing goes over NCCL.
  var watch: LostProcessWatch?

  /// The world of this process alone: it exchanges nothing.
  public static func alone() -> World {
    let single = ProcessGroup.single()
    return World(group: single, gradients: single)
  }

  /// The world of this process alone, whose gradients go through NCCL all the same: to see that it works.
  ///
  /// - Throws: ``DistributedError`` when it does not.
  public static func alone(over cudaDevice: Int, timeout: Duration) throws -> World {
    NCCL.choose(interface: nil, isOneMachine: true)
    let store = try Store.host(at: .loopback, timeout: timeout)
    let group = try ProcessGroup.gloo(
      store.prefixed("group/"), rank: 0, size: 1, address: "127.0.0.1", timeout: timeout)
    try NCCLMeeting(device: cudaDevice, timeout: timeout, root: store, keyPrefix: "", notes: store)
      .connect(group, "all", 0..<1)
    let world = World(group: group, gradients: group)
    world.carrier = .nccl
    return world
  }

  /// A process alone.
  private init(group: ProcessGroup, gradients: ProcessGroup) {
    (rank, localRank, size, localSize) = (0, 0, 1, 1)
    coreCount = Cores.available
    (self.group, self.gradients, statistics) = (group, gradients, .single())
    membership = nil
  }

  /// One of several, who are yet to be connected.
  init(_ place: RankEnvironment, coreCount: Int?, membership: Membership) {
    (rank, localRank, size, localSize) = (place.rank, place.localRank, place.worldSize, place.localWorldSize)
    self.coreCount =
      coreCount ?? min(Cores.available, max(1, ProcessInfo.processInfo.activeProcessorCount / place.localWorldSize))
    (group, gradients, statistics) = (.single(), .single(), .single())
    self.membership = membership
  }

  /// Whether this is rank 0, which writes files and talks to people.
  public var isFirst: Bool { rank == 0 }
  /// Whether there are other processes.
  public var isDistributed: Bool { size > 1 }
}

// MARK: - From meeting to parting

extension World {
  /// Meets the other processes, runs `body` with them, and takes leave of them.
  ///
  /// When it fails, or runs out of memory, the others are told why; when another process failed first, the error says which
  /// one and why.
  ///
  /// - Throws: what ``join(_:options:)`` and `body` throw; ``DistributedError`` when another process was lost.
  public static func with<Result>(
    _ place: RankEnvironment, options: @autoclosure () throws -> Options = Options(), _ body: (World) throws -> Result
  ) throws -> Result {
    let world = try join(place, options: try options())
    do {
      let tellOthers = { @Sendable (error: TorchError) in _ = world.leave(after: error) }
      let result = try withLastWords(outOfMemory: tellOthers) { try body(world) }
      try world.leave()
      return result
    } catch {
      throw world.leave(after: error)
    }
  }

  /// Waits for all and takes leave of them. The world must not be used after.
  ///
  /// - Throws: ``DistributedError`` when not all come to the end.
  func leave() throws {
    guard let membership else { return }
    watch?.leave()
    try group.allReduce(Tensor.zeros([1]))
    if watch != nil {
      // One after another, for a communicator is ended by all its processes together.
      _ = result(within: .seconds(10)) { [groups = [statistics, gradients, group]] in
        for group in groups { group.endNCCL() }
      }
    }
    membership.leave()
  }

  /// Confirms that no other process was found lost. To be asked after waiting for a CUDA device: exchanges over NCCL that
  /// are cut short leave whatever numbers on it.
  ///
  /// - Throws: ``DistributedError`` when one was.
  public func confirmIntact() throws {
    guard group.hasFailed else { return }
    throw DistributedError("an exchange between the processes failed", origin: .unknown)
  }

  /// Leaves before the end because of an error, and tells the others what it was. The world must not be used after.
  ///
  /// - Returns: the error to report: where this process only noticed that an exchange failed, why it did.
  func leave(after error: any Error) -> any Error {
    guard let membership else { return error }
    watch?.stop()
    let reason = (error as? DistributedError).map(membership.explanation) ?? DistributedError(error.explained)
    membership.leave(because: reason) { for group in [group, gradients, statistics] { group.abandon() } }
    // The device is let go of, if that takes no time; it ends with the process otherwise.
    if watch != nil { _ = result(within: .seconds(5)) { [group] in group.abort() } }
    return error is DistributedError ? reason : error
  }
}
