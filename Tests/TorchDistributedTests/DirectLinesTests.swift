import Foundation
import Launching
import TestSupport
import Testing
import Torch
import TorchDistributed

/// The connections that small exchanges go over.
@Suite struct DirectLinesTests {
  /// Sizes that fill what the system keeps of a connection, and none.
  @Test("tensors up to the largest that is sent directly come to every rank", arguments: [0, 1, 4096])
  func sizes(count: Int) throws {
    let results = try withRanks(4) { world in
      let values = Tensor.full([1, count], Double(world.rank), dtype: .float64)
      return try (0..<3).map { _ in try world.statistics.allGather(values).array(of: Double.self) }
    }
    let expected = (0..<4).flatMap { rank in Array(repeating: Double(rank), count: count) }
    #expect(results.allSatisfy { $0.allSatisfy { $0 == expected } })
  }

  @Test("processes that exchange different things fail at once, rather than take one for the other")
  func differentSizes() throws {
    let start = ContinuousClock.now
    let results = try ranks(2) { world in
      let failed = (try? world.group.allReduce(Tensor.zeros([world.rank + 1]))) == nil
      return failed && world.group.hasFailed && world.gradients.hasFailed
    }
    // Both find it; taking leave of each other fails too.
    #expect(results.allSatisfy { (try? $0.get()) == nil })
    #expect(start.duration(to: .now) < .seconds(50))
  }

  @Test("whoever closes the connections has an exchange of the others fail at once")
  func closing() throws {
    let start = ContinuousClock.now
    let results = try ranks(3) { world in
      if world.rank == 1 { world.group.abandon() } else { try world.group.allReduce(Tensor.zeros([1])) }
    }
    #expect(results.allSatisfy { (try? $0.get()) == nil })
    #expect(start.duration(to: .now) < .seconds(50))
  }

  @Test("a stranger who connects without the secret takes no rank's place")
  func stranger() throws {
    let sums = try twoRanksAndStranger { place in
      let connection = try #require(Self.connect(to: place))
      defer { close(connection) }
      var greeting = Array(String(repeating: "0", count: place.secret.count).utf8) + [1, 0, 0, 0]
      send(connection, &greeting, greeting.count, Int32(MSG_NOSIGNAL))
    }
    #expect(sums == [3, 3])
  }

  @Test("strangers who connect and say nothing hold nobody up")
  func silentStrangers() throws {
    let connections = Box<[Int32]>([])
    let sums = try twoRanksAndStranger { place in
      for _ in 0..<200 {
        let connection = try #require(Self.connect(to: place))
        connections.update { $0.append(connection) }
      }
    }
    for connection in connections.value { close(connection) }
    #expect(sums == [3, 3])
  }

  /// Where a rank takes connections, and what those show who come by way of the store.
  private struct Place: Sendable {
    var port: in_port_t
    var secret: String
  }

  /// Connects two ranks, the second of which comes after a stranger has done his work at the first, and adds up 1 and 2.
  private func twoRanksAndStranger(_ work: @escaping @Sendable (Place) throws -> Void) throws -> [Double] {
    let store = try Store.host(at: .loopback)
    @Sendable func sum(_ rank: Int) throws -> Double {
      let group = try ProcessGroup.gloo(
        Store.connect(to: store.endpoint), rank: rank, size: 2, address: "127.0.0.1", timeout: .seconds(60))
      let sum = Tensor([Double(rank + 1)])
      try group.allReduce(sum)
      return sum.item()
    }
    let intruded = DispatchSemaphore(value: 0)
    let sums = onThreads(3) { index in
      if index == 0 { return try sum(0) }
      if index == 1 {
        intruded.wait()
        return try sum(1)
      }
      defer { intruded.signal() }
      let text = try Store.connect(to: store.endpoint).value(of: "direct/0", waiting: .seconds(30))
      let words = try #require(text).split(separator: " ")
      let port = try #require(in_port_t(words[1]))
      try work(Place(port: port, secret: String(words[2])))
      return 0
    }
    return try sums.map { try $0.get() }.dropLast()
  }

  private static func connect(to place: Place) -> Int32? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = place.port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(connection)
      return nil
    }
    return connection
  }
}
