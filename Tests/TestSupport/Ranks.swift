import Foundation
import Launching
import Synchronization
import TorchDistributed

/// Runs `body` as every rank of a world at once, each on a thread of its own, connected over loopback as processes are;
/// gives the results by rank.
///
/// - Throws: the error of the lowest rank that failed.
public func withRanks<Result: Sendable>(
  _ size: Int, options: World.Options = testOptions(), _ body: @escaping @Sendable (World) throws -> Result
) throws -> [Result] {
  try ranks(size, options: options, body).map { try $0.get() }
}

/// The same, with what each rank threw.
public func ranks<Result: Sendable>(
  _ size: Int, options: World.Options = testOptions(), _ body: @escaping @Sendable (World) throws -> Result
) throws -> [Swift.Result<Result, any Error>] {
  let store = try Store.host(at: .loopback)
  defer { withExtendedLifetime(store) {} }
  return onThreads(size) { rank in
    try World.with(place(rank, of: size, at: store.endpoint), options: options, body)
  }
}

/// A rank of a world on this machine that meets at a store of the test's.
public func place(_ rank: Int, of size: Int, at endpoint: Endpoint, jobID: String = "") -> RankEnvironment {
  RankEnvironment(
    launcher: .simclr, rank: rank, localRank: rank, worldSize: size, localWorldSize: size, rendezvous: endpoint,
    storeHost: .external, jobID: jobID)
}

/// Ranks give up after a minute, unless it is their giving up that is tested.
public func testOptions(batchNormRanks: Int = 0, timeout: Duration = .seconds(60)) -> World.Options {
  var options = World.Options()
  options.timeout = timeout
  options.batchNormRanks = batchNormRanks
  return options
}

/// Runs `body` on as many threads as there are ranks, and waits for all.
public func onThreads<Result: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Result)
  -> [Swift.Result<Result, any Error>]
{
  let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
  let group = DispatchGroup()
  for rank in 0..<count {
    group.enter()
    let thread = Thread {
      let result = Swift.Result { try body(rank) }
      results.withLock { $0[rank] = result }
      group.leave()
    }
    // Backward passes recurse.
    thread.stackSize = 16 << 20
    thread.start()
  }
  group.wait()
  return results.withLock { results in (0..<count).map { results[$0]! } }
}
