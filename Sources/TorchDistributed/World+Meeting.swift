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
    // Gloo writes to connections as to files: one whose other end was killed would end this process by SIGPIPE, without a
    // word about whom it lost.
    signal(SIGPIPE, SIG_IGN)
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
    if known.offer.place != nil {
      NCCL.choose(interface: known.interface, isOneMachine: place.localWorldSize == place.worldSize)
    }
    let root =
      place.hostsStore
      ? try Store.host(at: place.rendezvous, timeout: timeout)
      : try Store.connect(to: place.rendezvous, timeout: timeout)
    var place = place
    do {
      place = try arrive(place, root, timeout)
    } catch let error as DistributedError where error.origin == .unknown {
      throw place.lossOfStore
    }
    let store = try root.namespaced(place.keyPrefix)
    let membership = try Membership(of: place, at: root, keyPrefix: place.keyPrefix, timeout: timeout)
    let world = World(place, coreCount: known.coreCount, membership: membership)
    do {
      let address = try place.rendezvous.localAddressTowards()
      world.group = try world.connect("all", 0..<world.size, at: address, store, known)
      let options = try world.sharingFailures { try options.get() }
      // Who shares statistics with whom has to be known alike before anybody waits for the others of a group.
      try world.confirmEqual(.batchNormRanks, "\(options.batchNormRanks)")
      let device = try world.agreeOnCarrier(options.offer)
      let nccl = try device.map { device in
        try world.startWatch(of: place, at: root, options)
        return try NCCLMeeting(
          device: device, timeout: timeout, root: root, keyPrefix: place.keyPrefix, notes: store)
      }
      try nccl?.connect(world.group, "all", 0..<world.size)
      try world.connectCompanions(at: address, store, options, nccl)
      return world
    } catch {
      throw world.leave(after: error)
    }
  }

  /// Looks after the training thread while it waits for its device.
  private func startWatch(of place: RankEnvironment, at root: Store, _ options: Options) throws {
    let (membership, end) = (membership!, options.endStuckProcess)
    watch = LostProcessWatch(
      over: group, store: try Store.connect(to: root.endpoint, timeout: options.timeout).prefixed(place.keyPrefix),
      seal: place.seal, interval: membership.beatInterval, patience: options.stuckPatience
    ) {
      let reason = membership.explanation(of: DistributedError("an exchange over NCCL failed", origin: .unknown))
      membership.leave(because: reason) {}
      end(reason)
    }
  }

  /// The groups for gradients and for statistics.
  private func connectCompanions(
    at address: String, _ store: Store, _ options: Options, _ nccl: NCCLMeeting?
  ) throws {
    func companion(_ name: String, _ ranks: Range<Int>) throws -> ProcessGroup {
      guard ranks.count > 1 else { return .single() }
      let companion = try connect(name, ranks, at: address, store, options, companion: group)
      try nccl?.connect(companion, name, ranks)
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
        "\(name: .networkInterface): this machine has no network interface '\(interface)'", isWrongUsage: true)
    }
    guard batchNormRanks == 0 || place.worldSize.isMultiple(of: batchNormRanks) else {
      throw DistributedError(
        "\(name: .batchNormRanks): \(place.worldSize) processes cannot be divided into groups of \(batchNormRanks)",
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
