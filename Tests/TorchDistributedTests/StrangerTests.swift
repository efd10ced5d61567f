import Foundation
import Launching
import TestSupport
import Testing
import TorchDistributed

/// What somebody can see and do who can connect to the store and does not know the job's token.
@Suite struct StrangerTests {
  private static let token = "0123456789abcdef-the-token"

  private func place(_ rank: Int, of size: Int = 2, at store: Store) -> RankEnvironment {
    var place = TestSupport.place(rank, of: size, at: store.endpoint)
    place.token = Self.token
    return place
  }

  private func join(_ ranks: [Int], at store: Store, _ options: World.Options) -> [Result<Int, any Error>] {
    let places = ranks.map { place($0, at: store) }
    return onThreads(ranks.count) { index in
      try World.with(places[index], options: options) { world in
        try world.gather("\(world.rank)").count
      }
    }
  }

  @Test("no key in the store says anything about the token, and all but the job's name lie under what follows from it")
  func keys() throws {
    let store = try Store.host(at: .loopback)
    #expect(try join([0, 1], at: store, testOptions()).map { try $0.get() } == [2, 2])
    let keys = try Store.connect(to: store.endpoint).keys()
    #expect(keys.contains { $0.hasSuffix("/heartbeat/1") } && keys.contains { $0.contains("/group/") })
    #expect(keys.allSatisfy { !$0.contains(Self.token) })
    let prefix = try #require(keys.first { $0.hasSuffix("/heartbeat/1") }).prefix("simclr/".count + 64 + 1)
    #expect(keys.filter { !$0.hasPrefix(prefix) && !$0.contains(prefix) } == ["simclr/job"], "\(keys)")
  }

  @Test("what a stranger writes into the store ends no job")
  func forgery() throws {
    let store = try Store.host(at: .loopback)
    let stranger = try Store.connect(to: store.endpoint)
    try stranger.set("simclr/job", "tomorrow's")
    let places = (0..<3).map { place($0, of: 3, at: store) }
    let results = onThreads(3) { rank in
      if rank == 2 {
        // The others wait for rank 2; where, the stranger sees in the store.
        var prefix: Substring?
        let end = ContinuousClock.now + .seconds(30)
        while prefix == nil, ContinuousClock.now < end {
          prefix = try stranger.keys().first { $0.hasPrefix("simclr/") && $0.hasSuffix("/arrived/1") }?
            .dropLast("arrived/1".count)
          usleep(10_000)
        }
        let place = try #require(prefix)
        for key in ["missing", "arrived/2", "failure/2", "conclusion", "complete"] {
          try stranger.set(place + key, "the end \u{1B}[31m")
        }
      }
      return try World.with(places[rank], options: testOptions()) { try $0.gather("\($0.rank)") }
    }
    #expect(try results.map { try $0.get() } == [["0", "1", "2"], ["0", "1", "2"], ["0", "1", "2"]])
  }

  @Test("what other processes say is printed without control characters, and not without end")
  func printing() {
    #expect(DistributedError("a\u{1B}[31m\r\u{202E}b\nc").description == "a\\u{1B}[31m\\r\\u{202E}b\nc")
    #expect(DistributedError(String(repeating: "x", count: 10_000)).description.count == 4001)
  }
}
