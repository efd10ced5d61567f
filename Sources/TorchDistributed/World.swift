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
  private let connection: Connection?

  /// What a world of more than one process holds on to.
  struct Connection {
    let store: Store
    let heartbeat: Heartbeat
    let hostsStore: Bool
    let beatInterval: Duration
  }

  /// The world of this process alone: it exchanges nothing.
  public static func alone() -> World {
    let single = ProcessGroup.single()
    return World(
      rank: 0, localRank: 0, size: 1, localSize: 1, coreCount: Cores.available,
      groups: (single, single, single), connection: nil)
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
      connection: nil)
  }

  private init(
    rank: Int, localRank: Int, size: Int, localSize: Int, coreCount: Int,
    groups: (ProcessGroup, ProcessGroup, ProcessGroup), connection: Connection?
  ) {
    (self.rank, self.localRank, self.size, self.localSize) = (rank, localRank, size, localSize)
    self.coreCount = coreCount
    (group, gradients, statistics) = groups
    self.connection = connection
  }

  /// Whether this is rank 0, which writes files and talks to people.
  public var isFirst: Bool { rank == 0 }
  /// Whether there are other processes.
  public var isDistributed: Bool { size > 1 }
}

// MARK: - Meeting

extension World {
  /// Meets the other processes.
  ///
  /// - Throws: ``DistributedError`` when the rendezvous cannot be had, serves another job, or not all ranks arrive within
  ///   the timeout (then it names those that did not).
  public static func join(_ place: RankEnvironment, options: Options = Options()) throws -> World {
    guard place.worldSize > 1 else { return alone() }
    let (rank, size, timeout) = (place.rank, place.worldSize, options.timeout)
    let root =
      place.hostsStore
      ? try Store.host(at: place.rendezvous, timeout: timeout)
      : try Store.connect(to: place.rendezvous, timeout: timeout)
    try confirmJob(place, root, timeout)
    let store = try root.prefixed(place.keyPrefix)
    try arrive(place, store, timeout)
    let address = try place.rendezvous.localAddressTowards()
    var cudaDevice: Int?
    func connect(_ name: String, _ ranks: Range<Int>, companion: ProcessGroup?) throws -> ProcessGroup {
      guard ranks.count > 1 else { return .single() }
      let group = try ProcessGroup.gloo(
        store.prefixed("group/\(name)/\(ranks.lowerBound)/"), rank: rank - ranks.lowerBound, size: ranks.count,
        address: address, interface: options.interface, timeout: timeout, companion: companion)
      try group.useNCCL(store.prefixed("nccl/\(name)/\(ranks.lowerBound)/"), device: cudaDevice, timeout: timeout)
      return group
    }
    let all = try connect("all", 0..<size, companion: nil)
    cudaDevice = try all.agreedDevice(options.cudaDevice)
    try all.useNCCL(store.prefixed("nccl/all/"), device: cudaDevice, timeout: timeout)
    let gradients = try connect("gradients", 0..<size, companion: all)
    let statistics = try connect(
      "statistics", sharing(options.batchNormRanks, rank: rank, size: size), companion: all)
    let interval = min(Duration.seconds(1), timeout / 5)
    let heartbeat = Heartbeat(
      rank: rank, interval: interval,
      store: try Store.connect(to: root.endpoint, timeout: timeout).prefixed(place.keyPrefix))
    return World(
      rank: rank, localRank: place.localRank, size: size, localSize: place.localWorldSize,
      coreCount: options.coreCount
        ?? min(Cores.available, max(1, ProcessInfo.processInfo.activeProcessorCount / place.localWorldSize)),
      groups: (all, gradients, statistics),
      connection: Connection(
        store: store, heartbeat: heartbeat, hostsStore: place.hostsStore, beatInterval: interval))
  }

  /// The ranks that share statistics with `rank`.
  private static func sharing(_ count: Int, rank: Int, size: Int) throws -> Range<Int> {
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

  /// Waits until all ranks are there.
  private static func arrive(_ place: RankEnvironment, _ store: Store, _ timeout: Duration) throws {
    let (rank, size) = (place.rank, place.worldSize)
    guard try store.add("arrived/\(rank)", 1) == 1 else {
      throw DistributedError("two processes claim to be rank \(rank): is another one of this job still running?")
    }
    try store.add("arrived", 1)
    let deadline = ContinuousClock.now + timeout
    while try store.add("arrived", 0) < size {
      guard ContinuousClock.now < deadline else {
        let missing = try (0..<size).filter { try store.add("arrived/\($0)", 0) == 0 }
        throw DistributedError(
          "\(ranks(missing)) of \(size) did not arrive at \(place.rendezvous) within \(timeout.wholeSeconds) s: see what became of \(missing.count == 1 ? "it" : "them")",
          isConsequence: true)
      }
      usleep(20_000)
    }
  }

  /// `rank 1` or `ranks 1, 2`.
  static func ranks(_ ranks: [Int]) -> String {
    "rank\(ranks.count == 1 ? "" : "s") \(ranks.map(String.init).joined(separator: ", "))"
  }
}

extension RankEnvironment {
  fileprivate var hostsStore: Bool { storeHost == .rankZero && rank == 0 }
  /// Who does not know the token finds nothing; an earlier attempt's processes find their own keys only.
  fileprivate var keyPrefix: String { "simclr/\(token)/\(attempt)/" }
}

// MARK: - Parting

extension World {
  /// Waits for all and takes leave of them. The world must not be used after.
  ///
  /// - Throws: ``DistributedError`` when not all come to the end.
  public func leave() throws {
    guard let connection else { return }
    try group.allReduce(Tensor.zeros([1]))
    connection.heartbeat.stop()
    try? takeLeave(connection)
  }

  /// Leaves before the end: nothing further is exchanged.
  ///
  /// - Parameter failure: what went wrong in this process, for the others to report; nil where it only follows another.
  public func part(failure: String?) {
    guard let connection else { return }
    group.abandon()
    if let failure { try? connection.store.set("failure/\(rank)", failure) }
    connection.heartbeat.stop()
    try? takeLeave(connection)
  }

  /// Who serves the store stays until the others have read what they need of it, for three seconds at most.
  private func takeLeave(_ connection: Connection) throws {
    try connection.store.add("left", 1)
    guard connection.hostsStore else { return }
    let deadline = ContinuousClock.now + .seconds(3)
    while ContinuousClock.now < deadline, try connection.store.add("left", 0) < size { usleep(20_000) }
  }

  /// Why an exchange failed: what another process said before it ended, or which one gives no sign of life.
  public func explanation(of error: DistributedError) -> DistributedError {
    guard let connection, error.isConsequence else { return error }
    group.abandon()
    do {
      if let reason = try announcedFailure(connection.store) { return reason }
      let before = try beats(connection.store)
      usleep(useconds_t(connection.beatInterval.milliseconds * 2500))
      if let reason = try announcedFailure(connection.store) { return reason }
      let after = try beats(connection.store)
      let lost = (0..<size).filter { $0 != rank && before[$0] == after[$0] }
      guard !lost.isEmpty else { return error }
      return DistributedError(
        "lost \(Self.ranks(lost)): no sign of life, so killed, stopped or cut off from the network", isConsequence: true
      )
    } catch {
      return DistributedError(
        "the rendezvous at \(connection.store.endpoint) no longer answers, so whoever serves it (rank 0, or the launcher) was lost",
        isConsequence: true)
    }
  }

  private func announcedFailure(_ store: Store) throws -> DistributedError? {
    for other in 0..<size where other != rank {
      if let text = try store.value(of: "failure/\(other)", waiting: .zero) {
        return DistributedError("rank \(other) failed: \(text)", isConsequence: true)
      }
    }
    return nil
  }

  private func beats(_ store: Store) throws -> [Int] { try (0..<size).map { try store.add(Heartbeat.key($0), 0) } }
}
