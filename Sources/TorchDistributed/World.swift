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
    /// Ranks whose statistics batch normalisation shares: 0: all; 1: none; else groups of so many.
    public var batchNormRanks = 0
    /// The CUDA device of this process alone, for exchanges over NCCL, which is used where all processes have one; nil:
    /// Gloo carries everything.
    public var cudaDevice: Int?

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
  public let group: ProcessGroup
  /// For gradients: large exchanges, which others should not queue behind.
  public let gradients: ProcessGroup
  /// For the statistics of batch normalisation; it may be a part of the world.
  public let statistics: ProcessGroup
  /// nil for a process alone.
  private let membership: Membership?

  /// The world of this process alone: it exchanges nothing.
  public static func alone() -> World {
    let single = ProcessGroup.single()
    return World(
      rank: 0, localRank: 0, size: 1, localSize: 1, coreCount: Cores.available,
      groups: (single, single, single), membership: nil)
  }

  /// The world of this process alone, whose gradients go through NCCL all the same: to see that it works.
  ///
  /// - Throws: ``DistributedError`` when it does not.
  public static func alone(over cudaDevice: Int, timeout: Duration) throws -> World {
    let store = try Store.host(at: .loopback, timeout: timeout)
    let group = try ProcessGroup.gloo(
      store.prefixed("group/"), rank: 0, size: 1, address: "127.0.0.1", timeout: timeout)
    try group.useNCCL(store.prefixed("nccl/"), device: cudaDevice, timeout: timeout)
    return World(
      rank: 0, localRank: 0, size: 1, localSize: 1, coreCount: Cores.available, groups: (group, group, .single()),
      membership: nil)
  }

  private init(
    rank: Int, localRank: Int, size: Int, localSize: Int, coreCount: Int,
    groups: (ProcessGroup, ProcessGroup, ProcessGroup), membership: Membership?
  ) {
    (self.rank, self.localRank, self.size, self.localSize) = (rank, localRank, size, localSize)
    self.coreCount = coreCount
    (group, gradients, statistics) = groups
    self.membership = membership
  }

  /// Whether this is rank 0, which writes files and talks to people.
  public var isFirst: Bool { rank == 0 }
  /// Whether there are other processes.
  public var isDistributed: Bool { size > 1 }
}

// MARK: - Meeting

extension World {
  /// Meets the other processes, runs `body` with them, and takes leave of them.
  ///
  /// When it fails, the others are told why; when another process failed first, the error says which one and why.
  ///
  /// - Throws: what ``join(_:options:)`` and `body` throw; ``DistributedError`` when another process was lost.
  public static func with<Result>(
    _ place: RankEnvironment, options: Options = Options(), _ body: (World) throws -> Result
  ) throws -> Result {
    let world = try join(place, options: options)
    do {
      let result = try body(world)
      try world.leave()
      return result
    } catch {
      throw world.part(after: error)
    }
  }

  /// Meets the other processes.
  ///
  /// - Throws: ``DistributedError`` when the rendezvous cannot be had, serves another job, or not all ranks arrive within
  ///   the timeout (then it names those that did not).
  public static func join(_ place: RankEnvironment, options: Options = Options()) throws -> World {
    guard place.worldSize > 1 else { return alone() }
    let timeout = options.timeout
    let root =
      place.hostsStore
      ? try Store.host(at: place.rendezvous, timeout: timeout)
      : try Store.connect(to: place.rendezvous, timeout: timeout)
    let store = try root.prefixed(place.keyPrefix)
    do {
      try confirmJob(place, root, timeout)
      try arrive(place, store, timeout)
    } catch let error as DistributedError where error.origin == .unknown {
      throw place.lossOfStore
    }
    let membership = try Membership(of: place, at: root, keyPrefix: place.keyPrefix, timeout: timeout)
    do {
      return World(
        rank: place.rank, localRank: place.localRank, size: place.worldSize, localSize: place.localWorldSize,
        coreCount: options.coreCount
          ?? min(Cores.available, max(1, ProcessInfo.processInfo.activeProcessorCount / place.localWorldSize)),
        groups: try connect(place, store, options), membership: membership)
    } catch let error as DistributedError {
      let explained = membership.explanation(of: error)
      membership.leave(because: explained) {}
      throw explained
    }
  }

  /// The groups for everything, for gradients and for statistics.
  private static func connect(_ place: RankEnvironment, _ store: Store, _ options: Options) throws
    -> (ProcessGroup, ProcessGroup, ProcessGroup)
  {
    if let interface = options.interface, if_nametoindex(interface) == 0 {
      throw DistributedError("distributed.interface: this machine has no network interface '\(interface)'")
    }
    let address = try place.rendezvous.localAddressTowards()
    var cudaDevice: Int?
    func group(_ name: String, _ ranks: Range<Int>, companion: ProcessGroup?) throws -> ProcessGroup {
      guard ranks.count > 1 else { return .single() }
      let group = try ProcessGroup.gloo(
        store.prefixed("group/\(name)/\(ranks.lowerBound)/"), rank: place.rank - ranks.lowerBound, size: ranks.count,
        address: address, interface: options.interface, timeout: options.timeout, companion: companion)
      try group.useNCCL(
        store.prefixed("nccl/\(name)/\(ranks.lowerBound)/"), device: cudaDevice, timeout: options.timeout)
      return group
    }
    let all = try group("all", 0..<place.worldSize, companion: nil)
    cudaDevice = try all.agreedDevice(options.cudaDevice)
    try all.useNCCL(store.prefixed("nccl/all/"), device: cudaDevice, timeout: options.timeout)
    let gradients = try group("gradients", 0..<place.worldSize, companion: all)
    let sharing = try ranks(sharingStatistics: options.batchNormRanks, with: place.rank, of: place.worldSize)
    return (all, gradients, try group("statistics", sharing, companion: all))
  }

  /// The ranks that share statistics with `rank`, `count` of them.
  private static func ranks(sharingStatistics count: Int, with rank: Int, of size: Int) throws -> Range<Int> {
    guard count > 0 else { return 0..<size }
    guard size.isMultiple(of: count) else {
      throw DistributedError(
        "distributed.batch_norm_ranks: \(size) processes cannot be divided into groups of \(count)")
    }
    let first = rank / count * count
    return first..<first + count
  }

  /// A worker left over from an earlier job would otherwise meddle with this one.
  private static func confirmJob(_ place: RankEnvironment, _ root: Store, _ timeout: Duration) throws {
    if place.hostsStore || place.rank == 0 { try root.set("simclr/job", place.jobID) }
    guard let served = try root.value(of: "simclr/job", waiting: timeout) else {
      throw DistributedError("the rendezvous at \(root.endpoint) is no job of simclr: is another program on that port?")
    }
    guard served == place.jobID else {
      throw DistributedError(
        "the rendezvous at \(root.endpoint) serves another job ('\(served)', this is '\(place.jobID)'): stop what is left of it, or choose another port"
      )
    }
  }

  /// Waits until all ranks are there. The first one whose patience ends says who is missing, and all give up.
  private static func arrive(_ place: RankEnvironment, _ store: Store, _ timeout: Duration) throws {
    guard try store.add("arrived/\(place.rank)", 1) == 1 else {
      throw DistributedError("two processes claim to be rank \(place.rank): is another one of this job still running?")
    }
    try store.add("arrived", 1)
    let deadline = ContinuousClock.now + timeout
    while try store.add("arrived", 0) < place.worldSize {
      if ContinuousClock.now >= deadline { try store.set("missing", missing(place, store, timeout)) }
      if let missing = try store.value(of: "missing", waiting: .zero) {
        // Others read it too.
        if place.hostsStore { sleep(1) }
        throw DistributedError(missing, origin: .elsewhere)
      }
      usleep(20_000)
    }
  }

  private static func missing(_ place: RankEnvironment, _ store: Store, _ timeout: Duration) throws -> String {
    let missing = try (0..<place.worldSize).filter { try store.add("arrived/\($0)", 0) == 0 }
    let advice =
      place.token.isEmpty
      ? "see what became of \(missing.count == 1 ? "it" : "them")"
      : "see what became of \(missing.count == 1 ? "it" : "them"), and that SIMCLR_JOB_TOKEN is the same everywhere"
    return
      "\(ranks(missing)) of \(place.worldSize) did not arrive at \(place.rendezvous) within \(timeout.wholeSeconds) s: \(advice)"
  }

  /// `rank 1` or `ranks 1, 2`.
  static func ranks(_ ranks: [Int]) -> String {
    "rank\(ranks.count == 1 ? "" : "s") \(ranks.map(String.init).joined(separator: ", "))"
  }
}

extension RankEnvironment {
  /// Who does not know the token finds nothing; an earlier attempt's processes find their own keys only.
  fileprivate var keyPrefix: String { "simclr/\(token)/\(attempt)/" }
}

// MARK: - Parting

extension World {
  /// Waits for all and takes leave of them. The world must not be used after.
  ///
  /// - Throws: ``DistributedError`` when not all come to the end.
  func leave() throws {
    guard let membership else { return }
    try group.allReduce(Tensor.zeros([1]))
    membership.leave()
  }

  /// Leaves before the end because of an error, and tells the others what it was. The world must not be used after.
  ///
  /// - Returns: the error to report: where this process only noticed that an exchange failed, why it did.
  func part(after error: any Error) -> any Error {
    guard let membership else { return error }
    let reason = (error as? DistributedError).map(membership.explanation) ?? DistributedError("\(error)")
    membership.leave(because: reason) { for group in [group, gradients, statistics] { group.abandon() } }
    return error is DistributedError ? reason : error
  }
}
