import Foundation
import Launching
import Torch

extension World {
  /// Meets the other processes.
  ///
  /// - Parameter options: where it throws, the others are told so rather than left to wait.
  /// - Throws: what `options` throws; ``DistributedError`` when the options do not fit the processes or differ between
  ///   them, the rendezvous cannot be had or serves another job, or not all ranks arrive within the timeout (then it
  ///   names those that did not).
  public static func join(_ place: RankEnvironment, options: @autoclosure () throws -> Options = Options()) throws
    -> World
  {
    guard place.worldSize > 1 else { return alone() }
    let options = Result { try options().checked(for: place) }
    do {
      return try meet(place, options)
    } catch let error as DistributedError where error.origin != .everywhere {
      // What is wrong here goes before what became of the others.
      _ = try options.get()
      throw error
    }
  }

  private static func meet(_ place: RankEnvironment, _ options: Result<Options, any Error>) throws -> World {
    let known = (try? options.get()) ?? Options()
    let timeout = known.timeout
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
    let world = World(place, coreCount: known.coreCount, membership: membership)
    do {
      let address = try place.rendezvous.localAddressTowards()
      world.group = try world.connect("all", 0..<world.size, at: address, store, known)
      try world.connectCompanions(at: address, store, options)
      return world
    } catch {
      throw world.part(after: error)
    }
  }

  /// The groups for gradients and for statistics, and devices for all groups.
  private func connectCompanions(at address: String, _ store: Store, _ options: Result<Options, any Error>) throws {
    let options = try together { try options.get() }
    // Who shares statistics with whom has to be known alike before anybody waits for the others of a group.
    try confirmEqual([("distributed.batch_norm_ranks", "\(options.batchNormRanks)")])
    let device = try agreeOnCarrier(options.offer)
    try group.useNCCL(store.prefixed("nccl/all/"), device: device, timeout: options.timeout)
    func companion(_ name: String, _ ranks: Range<Int>) throws -> ProcessGroup {
      guard ranks.count > 1 else { return .single() }
      let companion = try connect(name, ranks, at: address, store, options, companion: group)
      try companion.useNCCL(
        store.prefixed("nccl/\(name)/\(ranks.lowerBound)/"), device: device, timeout: options.timeout)
      return companion
    }
    gradients = try companion("gradients", 0..<size)
    statistics = try companion("statistics", options.ranks(sharingStatisticsWith: rank, of: size))
  }

  private func connect(
    _ name: String, _ ranks: Range<Int>, at address: String, _ store: Store, _ options: Options,
    companion: ProcessGroup? = nil
  ) throws -> ProcessGroup {
    try ProcessGroup.gloo(
      store.prefixed("group/\(name)/\(ranks.lowerBound)/"), rank: rank - ranks.lowerBound, size: ranks.count,
      address: address, interface: options.interface, timeout: options.timeout, companion: companion)
  }
}

extension World.Options {
  /// - Throws: ``DistributedError`` (wrong usage) when they do not fit this machine or the number of processes.
  fileprivate func checked(for place: RankEnvironment) throws -> World.Options {
    if let interface, if_nametoindex(interface) == 0 {
      throw DistributedError(
        "distributed.interface: this machine has no network interface '\(interface)'", isWrongUsage: true)
    }
    guard batchNormRanks == 0 || place.worldSize.isMultiple(of: batchNormRanks) else {
      throw DistributedError(
        "distributed.batch_norm_ranks: \(place.worldSize) processes cannot be divided into groups of \(batchNormRanks)",
        isWrongUsage: true)
    }
    return self
  }

  fileprivate func ranks(sharingStatisticsWith rank: Int, of size: Int) -> Range<Int> {
    guard batchNormRanks > 0 else { return 0..<size }
    let first = rank / batchNormRanks * batchNormRanks
    return first..<first + batchNormRanks
  }
}

// MARK: - Arriving

extension World {
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
