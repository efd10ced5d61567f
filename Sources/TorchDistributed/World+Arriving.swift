import Foundation
import Launching

extension World {
  /// Names in the store of how processes come together.
  private enum Key {
    /// The name of the job. Under its plain name too, for those who come from another job to read.
    static let job = "job"
    static let plainJob = "simclr/job"
    /// The attempt that node 0 has come to.
    static let attempt = "attempt"
    /// That a rank is there.
    static func arrived(_ rank: Int) -> String { "arrived/\(rank)" }
    /// That all are there; rank 0 has looked.
    static let complete = "complete"
    /// Who is not.
    static let missing = "missing"
  }

  /// Waits until all ranks of the job are there. The first one whose patience ends says who is missing, and all give up.
  ///
  /// - Returns: `place` in the attempt that they met in. Each machine's supervisor counts its own restarts; node 0's
  ///   count holds, since its supervisor has the store. A machine that comes late joins the attempt that node 0 has come
  ///   to, and one whose workers failed first waits for node 0's to start again.
  static func arrive(_ place: RankEnvironment, _ root: Store, _ timeout: Duration) throws -> RankEnvironment {
    try confirmJob(place, root, timeout)
    let deadline = ContinuousClock.now + timeout
    guard place.followsNodeZero else {
      try waitForAll(place, root, until: deadline, timeout)
      return place
    }
    var place = place
    var attempted: Int?
    while true {
      guard let attempt = try nodeZerosAttempt(place, root, after: attempted, until: deadline) else {
        throw DistributedError(missing([0], place, timeout), origin: .elsewhere)
      }
      place.attempt = attempt
      if try waitForAll(place, root, until: deadline, timeout) { return place }
      attempted = attempt
    }
  }

  /// A worker left over from an earlier job would otherwise meddle with this one.
  private static func confirmJob(_ place: RankEnvironment, _ root: Store, _ timeout: Duration) throws {
    let (seal, store) = (JobSeal(job: place), try root.prefixed(place.seal.jobPrefix))
    if place.hostsStore || place.rank == 0 {
      try root.set(Key.plainJob, place.jobID)
      try store.announce(Key.job, place.jobID, seal)
      try store.announce(Key.attempt, "\(place.attempt)", seal)
    }
    if let served = try store.announcement(Key.job, seal, waiting: timeout) {
      guard served == place.jobID else { throw otherJob(served, place) }
      return
    }
    // Anybody can have written this, so it counts only where all is lost.
    guard let served = try root.value(of: Key.plainJob, waiting: .zero) else {
      throw DistributedError(
        "the rendezvous at \(place.rendezvous) is no job of simclr: is another program on that port?")
    }
    guard served == place.jobID else { throw otherJob(served, place) }
    throw DistributedError(missing([0], place, timeout))
  }

  private static func otherJob(_ served: String, _ place: RankEnvironment) -> DistributedError {
    DistributedError(
      "the rendezvous at \(place.rendezvous) serves another job ('\(served.prefix(80))', this is '\(place.jobID)')",
      advice: "stop what is left of it, or choose another port"
    )
  }

  /// The attempt that node 0 has come to, once it is beyond `earlier`; nil when it does not come to one in time.
  private static func nodeZerosAttempt(
    _ place: RankEnvironment, _ root: Store, after earlier: Int?, until deadline: ContinuousClock.Instant
  ) throws -> Int? {
    let (seal, store) = (JobSeal(job: place), try root.prefixed(place.seal.jobPrefix))
    while true {
      if let attempt = try store.announcement(Key.attempt, seal).flatMap({ Int($0) }), attempt > earlier ?? -1 {
        return attempt
      }
      guard ContinuousClock.now < deadline else { return nil }
      usleep(20_000)
    }
  }

  /// Waits until all ranks are there, in this place's attempt.
  ///
  /// - Returns: false where that attempt is over, or an earlier process of this rank's took part in it; only for ranks
  ///   that follow node 0.
  @discardableResult private static func waitForAll(
    _ place: RankEnvironment, _ root: Store, until deadline: ContinuousClock.Instant, _ timeout: Duration
  ) throws -> Bool {
    let (seal, store) = (place.seal, try root.prefixed(place.keyPrefix))
    if place.followsNodeZero, try store.announcement(Key.missing, seal) != nil { return false }
    guard try store.claim(Key.arrived(place.rank), seal) else {
      if place.followsNodeZero { return false }
      throw DistributedError("two processes claim to be rank \(place.rank): is another one of this job still running?")
    }
    func hasArrived(_ rank: Int) throws -> Bool { try store.announcement(Key.arrived(rank), seal) != nil }
    var next = 0
    while try store.announcement(Key.complete, seal) == nil {
      if place.rank == 0 {
        while next < place.worldSize, try hasArrived(next) { next += 1 }
        if next == place.worldSize { try store.announce(Key.complete, "", seal) }
      }
      if ContinuousClock.now >= deadline {
        let missing = try (0..<place.worldSize).filter { try !hasArrived($0) }
        // All may be there by now, and rank 0 about to say so.
        if !missing.isEmpty { try store.announce(Key.missing, self.missing(missing, place, timeout), seal) }
      }
      if let missing = try store.announcedExplanation(Key.missing, seal) {
        // Others read it too.
        if place.hostsStore { sleep(1) }
        throw DistributedError(missing, origin: .elsewhere)
      }
      let now = ContinuousClock.now
      if place.followsNodeZero, try nodeZerosAttempt(place, root, after: place.attempt, until: now) != nil {
        return false
      }
      usleep(20_000)
    }
    return true
  }

  private static func missing(_ missing: [Int], _ place: RankEnvironment, _ timeout: Duration) -> Explanation {
    let advice: Wording =
      place.token.isEmpty
      ? "see what became of \(missing.count == 1 ? "it" : "them")"
      : "see what became of \(missing.count == 1 ? "it" : "them"), and that SIMCLR_JOB_TOKEN is the same everywhere"
    return Explanation(
      "\(ranks(missing)) of \(place.worldSize) did not arrive at \(place.rendezvous) within \(timeout.wholeSeconds) s",
      advice: advice)
  }

  /// `rank 1` or `ranks 1, 2`.
  static func ranks(_ ranks: [Int]) -> String {
    "rank\(ranks.count == 1 ? "" : "s") \(ranks.map(String.init).joined(separator: ", "))"
  }
}

extension RankEnvironment {
  /// Strangers cannot tell it from the token, nor the token from it; an earlier attempt's processes find their own keys
  /// only.
  package var keyPrefix: String { seal.attemptPrefix }

  /// Whether another machine's supervisor counts the attempts.
  fileprivate var followsNodeZero: Bool { launcher == .simclr && nodeRank ?? 0 > 0 }
}

extension JobSeal {
  /// For what holds in all attempts.
  fileprivate init(job place: RankEnvironment) { self.init(token: place.token, attempt: 0) }
}
