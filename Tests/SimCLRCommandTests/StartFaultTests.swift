import Foundation
import Launching
import Testing

/// What can be wrong when processes meet: one clear line each, within the timeout.
@Suite struct StartFaultTests {
  /// For processes that wait in vain.
  private static let short = "distributed.timeout_seconds=5"

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
    #expect(ranks[1].errors.hasPrefix("error: no answer from the rendezvous at 127.0.0.1:\(other.port) within 5 s: "))
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
          == "error: rank 1 of 3 did not arrive at 127.0.0.1:\(port) within 5 s: see what became of it\n")
    }
    // Far less than the default of 60 s.
    #expect(-start.timeIntervalSinceNow < 30)
  }

  @Test("a second process with the same rank is turned away, and does not disturb the job")
  func sameRank() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let first = try program.startRank(1, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=60"])
    usleep(200_000)
    let second = try program.startRank(1, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=60"])
    usleep(200_000)
    let zero = try program.startRank(0, of: 2, port: port, ["--output", "run", "distributed.timeout_seconds=60"])
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
    try files.copyItem(
      at: program.folder.appendingPathComponent("data"), to: program.folder.appendingPathComponent("swapped"))
    try files.removeItem(at: program.folder.appendingPathComponent("swapped/train/cat/3.jpg"))
    try files.copyItem(
      at: program.folder.appendingPathComponent("data/train/dog/3.jpg"),
      to: program.folder.appendingPathComponent("swapped/train/cat/3.jpg"))
    let cases = [
      ("optimizer.momentum=0.8", "optimizer.momentum is 0.8 there and 0.9 on rank 0"),
      ("training.global_batch_size=5", "training.global_batch_size is 5 there and 4 on rank 0"),
      ("distributed.batch_norm_ranks=1", "distributed.batch_norm_ranks is 1 there and 0 on rank 0"),
      ("data.path=data/train/dog", "number of images is 10 there and 20 on rank 0"),
      ("data.path=other", "images (fingerprint of their names) is "),
      ("data.path=swapped", "images (fingerprint of the bytes of some) is "),
    ]
    for (override, text) in cases {
      let port = try Program.freePort()
      let ranks = try [
        program.startRank(0, of: 2, port: port, ["--output", "run"]),
        program.startRank(1, of: 2, port: port, ["--output", "run", override]),
      ].map(program.finish)
      #expect(ranks.map(\.exitCode) == [2, 2])
      #expect(ranks[0].errors.hasPrefix("error: rank 1 differs from rank 0: \(text)"), "\(ranks[0].errors)")
      #expect(ranks[0].errors.split(separator: "\n").count == 1 && ranks[1].errors.isEmpty, "\(ranks[1].errors)")
    }
    #expect(!files.fileExists(atPath: program.folder.appendingPathComponent("run").path))
  }

  @Test("processes of another job or with another token do not get in")
  func strangers() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    func start(_ rank: Int, _ variables: [String: String], timeout: Int = 60) throws -> Program.Running {
      try program.startRank(
        rank, of: 2, port: port, variables: variables,
        [
          "--output", "run", "distributed.timeout_seconds=\(timeout)",
          "training.maximum_steps=2",
        ])
    }
    let job = ["TORCHELASTIC_RUN_ID": "one", "SIMCLR_JOB_TOKEN": "0123456789abcdef"]
    let zero = try start(0, job)
    let otherJob = try program.finish(start(1, ["TORCHELASTIC_RUN_ID": "two"], timeout: 2))
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

  // MARK: Wrong configuration

  /// What people ask for and cannot have, whatever the machine does: exit code 2, no restart.
  private static let wrongConfigurations: [(override: String, text: String)] = [
    (
      "training.global_batch_size=10",
      "training.global_batch_size 10 cannot be split evenly over 3 processes: use 9 or 12"
    ),
    (
      "training.global_batch_size=30",
      "training.global_batch_size 30 is larger than the data set (20 images): use at most 18"
    ),
    (
      "distributed.batch_norm_ranks=2",
      "distributed.batch_norm_ranks: 3 processes cannot be divided into groups of 2"
    ),
    ("distributed.backend=smoke", "distributed.backend: expected one of auto, gloo, nccl, got 'smoke'"),
    ("distributed.backend=nccl", "distributed.backend=nccl: it connects CUDA devices, and training.device is cpu"),
    (
      "distributed.timeout_seconds=1e18",
      "distributed.timeout_seconds: expected a number from 0.1 to 604800 (a week), got 1e+18"
    ),
    (
      "distributed.timeout_seconds=1e10",
      "distributed.timeout_seconds: expected a number from 0.1 to 604800 (a week), got 10000000000.0"
    ),
    ("distributed.interface=eth77", "distributed.interface: this machine has no network interface 'eth77'"),
    ("training.device=tpu", "training.device: expected auto, cpu, cuda or cuda:N, got 'tpu'"),
  ]

  @Test(
    "wrong configuration ends with exit code 2 and is said once, by a supervisor and by the ranks of other launchers",
    arguments: wrongConfigurations.indices)
  func wrongConfiguration(index: Int) throws {
    let (override, text) = Self.wrongConfigurations[index]
    let program = try Program()
    defer { program.remove() }
    let arguments = ["training.global_batch_size=6", override, "--output", "run"]
    let supervised = try program.finish(
      program.start(["pretrain", "recipe.yaml"] + arguments + ["--processes", "3", "--max-restarts", "2"]))
    let ranks = try program.startRanks(3, arguments).map(program.finish)
    #expect(([supervised] + ranks).map(\.exitCode) == [2, 2, 2, 2])
    for outcome in [supervised, ranks[0]] {
      #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(text), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
    #expect(ranks[1].errors.isEmpty && ranks[2].errors.isEmpty, "\(ranks[1].errors)")
    #expect(!FileManager.default.fileExists(atPath: program.folder.appendingPathComponent("run").path))
  }

  @Test("a configuration that one rank alone cannot read is told to the others at once")
  func unreadableConfiguration() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let start = Date()
    let ranks = try [
      program.startRank(0, of: 2, port: port, ["--output", "run", "distributed.batch_norm_ranks=1"]),
      program.startRank(1, of: 2, port: port, ["--output", "run", "training.epoch=3"]),
    ].map(program.finish)
    let text = "override 'training.epoch=3': unknown key 'training.epoch'"
    #expect(ranks.map(\.exitCode) == [2, 2])
    #expect(ranks[0].errors.hasPrefix("error: rank 1 failed: \(text)"), "\(ranks[0].errors)")
    #expect(ranks[1].errors.hasPrefix("error: \(text)"), "\(ranks[1].errors)")
    #expect(-start.timeIntervalSinceNow < 30)
  }

  @Test("a folder that holds a run is not gone on with by a restart, and another configuration does not go on with it")
  func usedFolder() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "training.maximum_steps=1", "--output", "run").exitCode == 0)
    let metrics = program.folder.appendingPathComponent("run/metrics.jsonl")
    let before = try Data(contentsOf: metrics)
    let again = ["pretrain", "recipe.yaml", "--output", "run", "--max-restarts", "2"]
    let cases = [
      (["--processes", "2"], "already holds a run: continue it with --resume, or choose another folder (--output)"),
      ([], "already holds a run: continue it with --resume, or choose another folder (--output)"),
      (["--resume", "loss.temperature=0.1"], "the configuration is not the one the run was started with"),
      (["--resume", "data.path=data/train/cat"], "there are 10 now and were 20 then (data.path is "),
    ]
    for (arguments, text) in cases {
      let outcome = try program.finish(program.start(again + arguments))
      #expect(outcome.exitCode == 2)
      #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(text), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count <= 2, "\(outcome.errors)")
    }
    #expect(try Data(contentsOf: metrics) == before)
  }
}
