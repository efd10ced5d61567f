import Foundation
import Launching
import Testing

/// What can be wrong when processes meet: one clear line each, within the timeout.
@Suite struct StartFaultTests {
  /// For processes that wait in vain.
  private static let short = "distributed.timeout_seconds=2"

  @Test("a port that is taken is named, by rank 0 and by a supervisor")
  func portTaken() throws {
    let program = try Program()
    defer { program.remove() }
    let other = try ListeningSocket(on: "127.0.0.1", port: 0)
    defer { close(other.descriptor) }
    let taken = "error: cannot listen on 127.0.0.1: port \(other.port) is taken. Try another, or end who has it\n"
    let ranks = try (0..<2).map {
      try program.startRank($0, of: 2, port: other.port, ["--output", "run", Self.short])
    }.map(program.finish)
    #expect(ranks[0].errors == taken && ranks[0].exitCode == 1)
    #expect(ranks[1].errors.hasPrefix("error: no answer from the rendezvous at 127.0.0.1:\(other.port) within 2 s: "))
    let supervisor = try program.finish(
      program.start(
        ["pretrain", "recipe.yaml", "--output", "run", "--nodes", "2", "--node-rank", "0", "--rendezvous"]
          + ["127.0.0.1:\(other.port)"], variables: ["SIMCLR_JOB_TOKEN": "0123456789abcdef"]))
    #expect(supervisor.errors == taken && supervisor.exitCode == 1)
  }

  @Test("a host that is unknown is named")
  func unknownHost() throws {
    let program = try Program()
    defer { program.remove() }
    for rank in 0..<2 {
      let outcome = try program.finish(
        program.startRank(rank, of: 2, port: 29400, host: "no-such-host.invalid", ["--output", "run", Self.short]))
      #expect(outcome.exitCode == 1)
      #expect(outcome.errors.hasPrefix("error: the host 'no-such-host.invalid' of the rendezvous is unknown ("))
      #expect(outcome.errors.split(separator: "\n").count == 1)
    }
  }

  @Test("a rank that never arrives is named by all others")
  func missingRank() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let start = Date()
    for running in try [0, 2].map({ try program.startRank($0, of: 3, port: port, ["--output", "run", Self.short]) }) {
      let outcome = try program.finish(running)
      #expect(outcome.exitCode == 1)
      #expect(
        outcome.errors
          == "error: rank 1 of 3 did not arrive at 127.0.0.1:\(port) within 2 s: see what became of it\n")
    }
    #expect(-start.timeIntervalSinceNow < 8)
  }

  @Test("a second process with the same rank is turned away, and does not disturb the job")
  func sameRank() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let first = try program.startRank(1, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=20"])
    usleep(200_000)
    let second = try program.startRank(1, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=20"])
    usleep(200_000)
    let zero = try program.startRank(0, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=20"])
    let outcomes = try [first, second].map(program.finish)
    #expect(outcomes.map(\.exitCode).sorted() == [0, 1])
    let refused = "error: two processes claim to be rank 1: is another one of this job still running?\n"
    #expect(outcomes.contains { $0.errors == refused })
    #expect(try program.finish(zero).errors.contains("done after 20 steps"))
  }

  @Test("a rank with another configuration or other images is named, with what differs")
  func differences() throws {
    let program = try Program()
    defer { program.remove() }
    let files = FileManager.default
    try files.copyItem(
      at: program.folder.appendingPathComponent("data"), to: program.folder.appendingPathComponent("other"))
    try files.moveItem(
      at: program.folder.appendingPathComponent("other/train/cat/3.jpg"),
      to: program.folder.appendingPathComponent("other/train/cat/33.jpg"))
    let cases = [
      ("optimizer.momentum=0.8", "optimizer.momentum is 0.8 there and 0.9 on rank 0"),
      ("data.path=data/train/dog", "number of images is 10 there and 20 on rank 0"),
      ("data.path=other", "images (fingerprint of their names) is "),
    ]
    for (override, text) in cases {
      let port = try Program.freePort()
      let ranks = try [
        program.startRank(0, of: 2, port: port, ["--output", "run"]),
        program.startRank(1, of: 2, port: port, ["--output", "run", override]),
      ].map(program.finish)
      for outcome in ranks {
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.hasPrefix("error: rank 1 differs from rank 0: \(text)"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
      }
    }
    #expect(!files.fileExists(atPath: program.folder.appendingPathComponent("run").path))
  }

  @Test("processes of another job or with another token do not get in")
  func strangers() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    func start(_ rank: Int, _ variables: [String: String], timeout: Int = 20) throws -> Program.Running {
      try program.startRank(
        rank, of: 2, port: port, variables: variables,
        [
          "--output", "run", "distributed.timeout_seconds=\(timeout)",
          "training.maximum_steps=2",
        ])
    }
    let job = ["TORCHELASTIC_RUN_ID": "one", "SIMCLR_JOB_TOKEN": "0123456789abcdef"]
    let zero = try start(0, job)
    let otherJob = try program.finish(start(1, ["TORCHELASTIC_RUN_ID": "two"]))
    #expect(
      otherJob.errors.hasPrefix(
        "error: the rendezvous at 127.0.0.1:\(port) serves another job ('one', this is 'two'): stop what is left of it"),
      "\(otherJob.errors)")
    let otherToken = try program.finish(
      start(1, job.merging(["SIMCLR_JOB_TOKEN": "fedcba9876543210"]) { $1 }, timeout: 2))
    #expect(otherToken.exitCode == 1)
    #expect(otherToken.errors.contains("error: rank 0 of 2 did not arrive at 127.0.0.1:\(port) within 2 s: "))
    #expect(otherToken.errors.contains("and that SIMCLR_JOB_TOKEN is the same everywhere"))
    let one = try program.finish(start(1, job))
    #expect(one.exitCode == 0, "\(one.errors)")
    #expect(try program.finish(zero).errors.contains("done after 2 steps"))
  }

  @Test("a batch that cannot be split evenly is refused with the sizes that work")
  func unevenBatch() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "training.global_batch_size=10", "--output", "run", "--processes", "4")
    #expect(outcome.exitCode != 0)
    #expect(outcome.errors.hasPrefix("error: rank "))
    #expect(
      outcome.errors.hasSuffix(
        ": training.global_batch_size 10 cannot be split evenly over 4 processes: use 8 or 12\n"), "\(outcome.errors)")
  }
}
