import Foundation
import Launching
import TestSupport
import Testing
import Torch
import TorchDistributed

@Suite struct WorldTests {
  struct Broken: Error, CustomStringConvertible { let description = "the disk is full" }

  @Test("a process that meets others is not ended by a write to one that was lost")
  func brokenPipe() throws {
    let before = signal(SIGPIPE, SIG_DFL)
    defer { signal(SIGPIPE, before) }
    _ = try withRanks(2) { _ in }
    var action = sigaction()
    #expect(sigaction(SIGPIPE, nil, &action) == 0)
    #expect(unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self))
  }

  @Test("what fails in one rank fails in all, and the others say which rank and why")
  func sharingFailures() throws {
    let results = try ranks(3) { world in
      try world.sharingFailures { if world.rank == 1 { throw Broken() } }
    }
    #expect(throws: Broken.self) { try results[1].get() }
    for other in [0, 2] {
      let error = #expect(throws: DistributedError.self) { try results[other].get() }
      #expect(error?.description == "rank 1 failed: the disk is full")
      #expect(error?.isConsequence == true)
    }
  }

  @Test("what fails in all ranks alike is rank 0's to tell; what fails in each in its own way, each one's")
  func togetherAlike() throws {
    let alike = try ranks(3) { world in try world.sharingFailures { throw Broken() } }
    #expect(throws: Broken.self) { try alike[0].get() }
    for other in [1, 2] {
      let error = #expect(throws: DistributedError.self) { try alike[other].get() }
      #expect(error == DistributedError("the disk is full", origin: .everywhere))
    }
    let unlike = try ranks(2) { world in
      try world.sharingFailures { throw LaunchError("\(world.rank) is wrong", isWrongUsage: world.isFirst) }
    }
    for (rank, result) in unlike.enumerated() {
      let error = #expect(throws: LaunchError.self) { try result.get() }
      #expect(error == LaunchError("\(rank) is wrong", isWrongUsage: rank == 0))
    }
  }

  @Test("what is wrong with a rank's options before it meets the others is told to them, with whose fault it is")
  func optionsThatFail() throws {
    let store = try Store.host(at: .loopback)
    let results = onThreads(3) { rank in
      try World.with(
        place(rank, of: 3, at: store.endpoint),
        options: rank == 1 ? { throw LaunchError("no such key", isWrongUsage: true) }() : testOptions(batchNormRanks: 1)
      ) { _ in }
    }
    #expect(throws: LaunchError.self) { try results[1].get() }
    for other in [0, 2] {
      let error = #expect(throws: DistributedError.self) { try results[other].get() }
      #expect(error == DistributedError("rank 1 failed: no such key", origin: .elsewhere, isWrongUsage: true))
    }
  }

  @Test("a rank that differs is named with the field and both values")
  func confirmEqual() throws {
    let results = try ranks(3) { world in
      try world.confirmEqual([("seed", "1"), ("epochs", world.rank == 2 ? "7" : "5")])
    }
    for (rank, result) in results.enumerated() {
      let error = #expect(throws: DistributedError.self) { try result.get() }
      #expect(error?.isWrongUsage == true && error?.origin == (rank == 0 ? .here : .everywhere))
      #expect(
        error?.description
          == "rank 2 differs from rank 0: epochs is 7 there and 5 on rank 0: start all processes with the same configuration, program and data"
      )
    }
    _ = try withRanks(3) { try $0.confirmEqual([("seed", "1")]) }
  }

  @Test("a rank that never arrives is named after the timeout")
  func missingRank() throws {
    let store = try Store.host(at: .loopback)
    let results = onThreads(2) { rank in
      try World.join(place(rank * 2, of: 4, at: store.endpoint), options: testOptions(timeout: .seconds(1)))
    }
    for result in results {
      let error = #expect(throws: DistributedError.self) { _ = try result.get() }
      #expect(error?.description.hasPrefix("ranks 1, 3 of 4 did not arrive at 127.0.0.1:") == true)
    }
  }

  @Test("two processes of one rank, and another job's store, are refused")
  func strangers() throws {
    let store = try Store.host(at: .loopback)
    let options = testOptions(timeout: .seconds(1))
    let twice = onThreads(2) { _ in try World.join(place(1, of: 3, at: store.endpoint), options: options) }
    let texts = twice.compactMap { result in
      if case .failure(let error) = result { "\(error)" } else { nil as String? }
    }
    #expect(
      texts.contains {
        $0.hasPrefix("two processes claim to be rank 1")
          || $0.hasSuffix("no job of simclr: is another program on that port?")
      })

    let other = try Store.host(at: .loopback)
    try other.set("simclr/job", "yesterday")
    let error = #expect(throws: DistributedError.self) {
      _ = try World.join(place(1, of: 2, at: other.endpoint, jobID: "today"), options: options)
    }
    #expect(error?.description.contains("serves another job ('yesterday', this is 'today')") == true)
  }

  @Test("a port that is taken, a host that is unknown and a store that is not there are one line each")
  func rendezvousErrors() throws {
    let store = try Store.host(at: .loopback)
    let taken = #expect(throws: LaunchError.self) { _ = try Store.host(at: store.endpoint) }
    #expect(taken?.description.contains("port \(store.endpoint.port) is taken") == true)
    let unknown = #expect(throws: DistributedError.self) {
      _ = try Store.connect(to: Endpoint(host: "no-such-host.invalid", port: 1234), timeout: .seconds(1))
    }
    #expect(unknown?.description.hasPrefix("the host 'no-such-host.invalid' of the rendezvous is unknown") == true)
    let silent = #expect(throws: DistributedError.self) {
      _ = try Store.connect(to: Endpoint(host: "127.0.0.1", port: 9), timeout: .seconds(1))
    }
    #expect(silent?.description.hasPrefix("no answer from the rendezvous at 127.0.0.1:9 within 1 s") == true)
  }

  @Test("when a rank leaves with a failure, the others' exchanges fail and they quote it")
  func failureIsQuoted() throws {
    let results = try ranks(3, options: testOptions(timeout: .seconds(5))) { world in
      if world.rank == 2 { throw Broken() }
      do {
        try world.group.allReduce(Tensor.zeros([1]))
      } catch {
        #expect(world.group.hasFailed)
        #expect(world.gradients.hasFailed, "companions fail together")
        let gathered = world.group.gather(Tensor.ones([2, 1])).array(of: Float.self)
        #expect(gathered.filter(\.isNaN).count == 6)
        throw error
      }
    }
    for other in [0, 1] {
      let error = #expect(throws: DistributedError.self) { try results[other].get() }
      #expect(error?.description == "rank 2 failed: the disk is full")
    }
  }

  @Test("ranks are divided into groups for batch normalization, or refused when they cannot be")
  func statisticsGroups() throws {
    let sizes = try withRanks(4, options: testOptions(batchNormRanks: 2)) { world in
      let sum = Tensor([Double(world.rank)])
      try world.statistics.allReduce(sum)
      return [Double(world.statistics.size), sum.item()]
    }
    #expect(sizes == [[2, 1], [2, 1], [2, 5], [2, 5]])
    #expect(try withRanks(2, options: testOptions(batchNormRanks: 1)) { $0.statistics.size } == [1, 1])
    let refused = try ranks(3, options: testOptions(batchNormRanks: 2, timeout: .seconds(2))) { _ in }
    let error = #expect(throws: DistributedError.self) { try refused[0].get() }
    #expect(error?.description == "the ranks that share statistics: 3 processes cannot be divided into groups of 2")
  }
}
