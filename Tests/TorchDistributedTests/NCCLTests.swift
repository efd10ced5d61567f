import Foundation
import Launching
import TestSupport
import Testing
import Torch
import TorchDistributed

/// What surrounds exchanges over NCCL, with a library that stands for it: no GPU is needed.
@Suite struct NCCLTests {
  struct Broken: Error, CustomStringConvertible { let description = "the disk is full" }

  @Test("when a rank fails, those that wait for their devices return, and quote it")
  func failure() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      let nccl = try NCCLStandIn(path)
      let results = try ncclRanks(3) { world in
        try world.meet()
        if world.rank == 1 { throw Broken() }
        nccl(.wait, world.rank)
        #expect(throws: DistributedError.self) { try world.confirmIntact() }
        try world.group.allReduce(Tensor.zeros([1]))
      }
      for waiting in [0, 2] {
        let error = #expect(throws: DistributedError.self) { try results[waiting].get() }
        #expect(error?.description == "rank 1 failed: the disk is full")
        // The first group's end wakes the one that waits; the others' follow.
        #expect(eventually { nccl(.aborted, waiting) == 3 }, "all groups")
        #expect(nccl(.device, waiting) == waiting, "groups keep the device they were bound to")
      }
    }
  }

  @Test("a connection that closes without a word wakes those that wait, of whichever rank it is", arguments: 0..<3)
  func lostConnection(lost: Int) async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String, lost = lost as Int] in
      let nccl = try NCCLStandIn(path)
      let results = try ncclRanks(3) { world in
        try world.meet()
        if world.rank == lost { world.group.abandon() }
        // The one that was lost says nothing before the others were woken.
        for rank in 0..<3 where world.rank == lost ? rank != lost : rank == world.rank { nccl(.wait, rank) }
        try world.group.allReduce(Tensor.zeros([1]))
      }
      for result in results { #expect(throws: DistributedError.self) { try result.get() } }
    }
  }

  @Test("an exchange that NCCL finds too slow on one rank wakes all")
  func slowExchange() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      let nccl = try NCCLStandIn(path)
      let results = try ncclRanks(2) { world in
        try world.meet()
        if world.rank == 0 { nccl(.noteError, 0) }
        nccl(.wait, world.rank)
        try world.group.allReduce(Tensor.zeros([1]))
      }
      for result in results {
        let error = #expect(throws: DistributedError.self) { try result.get() }
        #expect(error?.description.contains("though all are alive: see whether one is much slower") == true)
      }
    }
  }

  @Test("ranks that leave in good order raise no alarm, however long the others take")
  func leaving() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      let nccl = try NCCLStandIn(path)
      let results = try ncclRanks(3) { world in
        #expect(world.carrier == .nccl)
        try world.meet()
        if world.rank == 1 { usleep(1_500_000) }
      }
      for (rank, result) in results.enumerated() {
        try result.get()
        #expect(nccl(.aborted, rank) == 0)
      }
    }
  }

  @Test("a training thread that its device never lets go of ends the process, with the reason")
  func stuck() async throws {
    let result = try await #require(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      [path = NCCLStandIn.path as String] in
      _ = try NCCLStandIn(path)
      _ = try ncclRanks(2, stuckPatience: .seconds(1)) { world in
        try world.meet()
        if world.rank == 1 { throw Broken() }
        sleep(60)
      }
    }
    #expect(
      String(decoding: result.standardErrorContent, as: UTF8.self).contains("error: rank 1 failed: the disk is full\n"))
  }

  @Test("connecting over NCCL takes no longer than the timeout, and says that all began")
  func hangingStart() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      let nccl = try NCCLStandIn(path)
      for rank in 0..<2 { nccl(.hang, rank) }
      let results = try ncclRanks(2, timeout: .seconds(1)) { _ in }
      let texts = results.compactMap { result in
        if case .failure(let error) = result { "\(error)" } else { nil as String? }
      }
      #expect(texts.count == 2)
      #expect(
        texts.contains { $0.contains("could not connect over NCCL within 1 s, though all ranks began to: name the") })
    }
  }

  @Test("when one rank cannot connect over NCCL, the others stop waiting and quote it")
  func failingStart() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      let nccl = try NCCLStandIn(path)
      nccl(.hang, 0)
      nccl(.fail, 1)
      let start = ContinuousClock.now
      let results = try ncclRanks(2) { _ in }
      #expect(start.duration(to: .now) < .seconds(30), "the timeout is 60 s")
      for result in results {
        let error = #expect(throws: DistributedError.self) { try result.get() }
        #expect(error?.description.hasSuffix("rank 1 could not connect over NCCL: the driver is too old") == true)
      }
    }
  }

  @Test("what c10d writes for all groups of a job is found by one attempt only")
  func attempts() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      _ = try NCCLStandIn(path)
      let store = try Store.host(at: .loopback)
      for attempt in 0..<2 {
        let results = onThreads(2) { rank in
          var place = place(rank, of: 2, at: store.endpoint)
          place.attempt = attempt
          try World.with(place, options: ncclOptions(rank)) { _ in }
        }
        for result in results { try result.get() }
      }
      #expect(try !store.has("exception_dump"))
      for attempt in 0..<2 {
        var place = place(0, of: 2, at: store.endpoint)
        place.attempt = attempt
        #expect(try store.has("\(place.keyPrefix)/exception_dump"))
      }
    }
  }

  @Test("NCCL meets over loopback on one machine, over the interface that was asked for, or as the environment says")
  func interface() async throws {
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      unsetenv("NCCL_SOCKET_IFNAME")
      _ = try NCCLStandIn(path)
      _ = try ncclRanks(2) { _ in }
      #expect(getenv("NCCL_SOCKET_IFNAME").map { String(cString: $0) } == "=lo")
    }
    await #expect(processExitsWith: .success) { [path = NCCLStandIn.path as String] in
      _ = try NCCLStandIn(path)
      setenv("NCCL_SOCKET_IFNAME", "eth7", 1)
      _ = try ncclRanks(2) { _ in }
      #expect(getenv("NCCL_SOCKET_IFNAME").map { String(cString: $0) } == "eth7")
    }
    await #expect(processExitsWith: .success) {
      // Tests that ran before in the process that this one comes from may have chosen.
      unsetenv("NCCL_SOCKET_IFNAME")
      NCCL.choose(interface: nil, isOneMachine: false)
      #expect(getenv("NCCL_SOCKET_IFNAME") == nil, "on several machines NCCL chooses")
      NCCL.choose(interface: "eth0", isOneMachine: false)
      #expect(getenv("NCCL_SOCKET_IFNAME").map { String(cString: $0) } == "=eth0")
    }
  }

  @Test("libtorch's watchdogs end no process, and NCCL runs exchanges in the order of the program")
  func environment() {
    let expected = [
      "TORCH_NCCL_ASYNC_ERROR_HANDLING": "0", "TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC": "0",
      "TORCH_NCCL_RETHROW_CUDA_ERRORS": "0", "TORCH_NCCL_DUMP_ON_TIMEOUT": "0", "TORCH_NCCL_ENABLE_MONITORING": "0",
      "NCCL_LAUNCH_ORDER_IMPLICIT": "1",
    ]
    for (name, value) in expected { #expect(getenv(name).map { String(cString: $0) } == value, "\(name)") }
  }
}

/// What each rank of a world on this machine threw, each with a GPU of its own, as far as it knows.
private func ncclRanks(
  _ size: Int, timeout: Duration = .seconds(60), stuckPatience: Duration = .seconds(60),
  _ body: @escaping @Sendable (World) throws -> Void
) throws -> [Result<Void, any Error>] {
  let store = try Store.host(at: .loopback)
  defer { withExtendedLifetime(store) {} }
  return onThreads(size) { rank in
    var options = ncclOptions(rank, timeout: timeout)
    options.stuckPatience = stuckPatience
    // As a program does.
    options.endStuckProcess = { error in
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      _exit(1)
    }
    try World.with(place(rank, of: size, at: store.endpoint), options: options, body)
  }
}

private func ncclOptions(_ rank: Int, timeout: Duration = .seconds(60)) -> World.Options {
  var options = testOptions(timeout: timeout)
  options.offer.place = Carrier.Place(device: rank, name: "stand-in", machine: "here", pciBusID: "\(rank)")
  return options
}

extension World {
  /// Returns when all ranks have come so far.
  fileprivate func meet() throws { try group.allReduce(Tensor.zeros([1])) }
}
