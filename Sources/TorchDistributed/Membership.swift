import Foundation
import Launching

/// What a process knows of the others besides what they exchange: who gives signs of life, and why one gave up. It goes
/// through the store.
final class Membership: Sendable {
  private let rank: Int
  private let size: Int
  private let store: Store
  private let seal: JobSeal
  private let heartbeat: Heartbeat
  let beatInterval: Duration
  private let timeout: Duration
  private let hostsStore: Bool
  /// What is wrong when the store no longer answers.
  private let lossOfStore: DistributedError

  /// What processes tell each other.
  private enum Key {
    /// Why a process failed for a reason of its own.
    static func failure(_ rank: Int) -> String { "failure/\(rank)" }
    /// What the first one that noticed a loss found out.
    static let conclusion = "conclusion"
    /// How many have left.
    static let left = "left"
  }

  /// Set when some process failed or noticed a loss: who waits for a CUDA device is to be woken (``LostProcessWatch``).
  static let alarmKey = "alarm"

  /// - Parameters:
  ///   - root: the store where `place` has the processes meet.
  ///   - timeout: how long an exchange may take.
  /// - Throws: ``DistributedError`` when the store no longer answers.
  init(of place: RankEnvironment, at root: Store, keyPrefix: String, timeout: Duration) throws {
    (rank, size, self.timeout) = (place.rank, place.worldSize, timeout)
    (hostsStore, seal) = (place.hostsStore, place.seal)
    lossOfStore = place.lossOfStore
    beatInterval = min(.seconds(1), timeout / 5)
    store = try root.prefixed(keyPrefix, patience: min(timeout, .seconds(5)))
    let endpoint = root.endpoint
    heartbeat = try Heartbeat(rank: rank, interval: beatInterval) {
      try Store.connect(to: endpoint, timeout: timeout).prefixed(keyPrefix)
    }
  }

  /// Takes leave of the others after the last exchange.
  func leave() { leave(waitingForOthers: .seconds(3)) }

  /// Takes leave before the end, and tells the others why.
  ///
  /// - Parameter close: closes the connections to the others, who then look for the reason.
  func leave(because reason: DistributedError, closingConnections close: () -> Void) {
    if reason.isConsequence {
      if (try? store.announcement(Key.conclusion, seal) == nil) == true {
        try? store.announce(Key.conclusion, reason.explanation, seal)
      }
      try? store.announce(Self.alarmKey, "", seal)
      close()
      // The one that failed ends first, and so is the one that a supervisor reports.
      usleep(200_000)
      leave(waitingForOthers: .seconds(1))
    } else {
      try? store.announce(Key.failure(rank), reason.explanation, seal)
      try? store.announce(Self.alarmKey, "", seal)
      close()
      // They look for the reason when their exchange fails, at once or after the timeout.
      leave(waitingForOthers: min(timeout, .seconds(10)) + .seconds(2))
    }
  }

  /// Who serves the store stays until the others have read what they need of it.
  private func leave(waitingForOthers longest: Duration) {
    heartbeat.stop()
    guard (try? store.add(Key.left, 1)) != nil, hostsStore else { return }
    let deadline = ContinuousClock.now + longest
    while ContinuousClock.now < deadline, let left = try? store.add(Key.left, 0), left < size { usleep(20_000) }
  }
}

// MARK: - Looking for the reason

extension Membership {
  /// Why an exchange failed: what another process said before it ended, or which one gives no sign of life.
  func explanation(of error: DistributedError) -> DistributedError {
    guard error.origin == .unknown else { return error }
    do {
      if let reason = try announcedReason() { return reason }
      let before = try beats()
      usleep(useconds_t(beatInterval.milliseconds * 2500))
      if let reason = try announcedReason() { return reason }
      let after = try beats()
      return Self.silence(of: (0..<size).filter { $0 != rank && before[$0] == after[$0] }) ?? slowness
    } catch {
      return lossOfStore
    }
  }

  private func announcedReason() throws -> DistributedError? {
    for other in 0..<size where other != rank {
      if let failure = try store.announcedExplanation(Key.failure(other), seal) {
        return DistributedError(failure.about("rank \(other) failed"), origin: .elsewhere)
      }
    }
    return try store.announcedExplanation(Key.conclusion, seal).map { DistributedError($0, origin: .elsewhere) }
  }

  private static func silence(of lost: [Int]) -> DistributedError? {
    guard !lost.isEmpty else { return nil }
    return DistributedError(
      "lost \(World.ranks(lost)): no sign of life, so killed, stopped or cut off from the network", origin: .elsewhere)
  }

  private var slowness: DistributedError {
    DistributedError(
      "an exchange between the processes failed or took longer than \(timeout.wholeSeconds) s, though all are alive",
      advice:
        "see whether one is much slower, or the network between them broken, or let them wait longer\(hint: .exchangeTimeout)",
      origin: .elsewhere)
  }

  private func beats() throws -> [Int] { try (0..<size).map { try store.add(Heartbeat.key($0), 0) } }
}

extension RankEnvironment {
  /// Whether this process serves the store.
  var hostsStore: Bool { storeHost == .rankZero && rank == 0 }

  /// What is wrong when the store no longer answers.
  var lossOfStore: DistributedError {
    DistributedError(
      "lost \(storeKeeper): the rendezvous at \(rendezvous) no longer answers, so killed, stopped or cut off from the network",
      origin: .elsewhere)
  }

  /// Who serves the store, for people to read.
  fileprivate var storeKeeper: String {
    switch storeHost {
    case .rankZero: "rank 0"
    case .external where launcher == .simclr && worldSize > localWorldSize:
      "\(World.ranks(Array(0..<localWorldSize))) (node 0)"
    case .external: "the launcher"
    }
  }
}
