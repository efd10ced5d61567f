import Foundation
import Pretraining
import Randomness
import Testing

/// Random ranks are killed at random moments, again and again, and the parameters end as if nothing had happened.
///
/// `make chaos RUNS=N` sets `SIMCLR_CHAOS_RUNS` for many more, over two to four processes, some stopped rather than
/// killed.
@Suite struct ChaosTests {
  private static let moreRuns =
    ProcessInfo.processInfo.environment["SIMCLR_CHAOS_RUNS"].flatMap(UInt64.init) ?? 0

  @Test("twenty kills of random workers later the parameters are those of an undisturbed run, bit for bit")
  func kills() throws {
    try Chaos(processes: 2, disturbances: 20, seed: 1).run()
  }

  @Test(
    "kills and stops over two to four processes leave the parameters as they were", .enabled(if: moreRuns > 0),
    arguments: 1...max(1, moreRuns))
  func more(seed: UInt64) throws {
    try Chaos(
      processes: 2 + Int(seed % 3), disturbances: 20, stopShare: 0.25, batchNormRanks: Int(seed / 3 % 2), seed: seed
    ).run()
  }
}

/// A training that is disturbed.
private struct Chaos {
  var processes: Int
  var disturbances: Int
  /// How many of the disturbances stop a worker rather than kill it.
  var stopShare = 0.0
  /// `distributed.batch_norm_ranks`: with 1 a step has a twentieth of the exchanges, and takes less time.
  var batchNormRanks = 1
  var seed: UInt64

  private let steps = 120
  /// A worker that was killed is noticed at once; for one that was stopped the others have to wait.
  private var timeoutSeconds: Int { stopShare > 0 ? 5 : 60 }

  func run() throws {
    let program = try Program()
    defer { program.remove() }
    let whole = try program.finish(program.start(arguments(output: "whole")))
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let running = try program.start(arguments(output: "parts") + ["--max-restarts", "\(disturbances)"])
    try disturb(program, running)
    let parts = try program.finish(running)
    #expect(parts.exitCode == 0, "seed \(seed): \(parts.errors)")
    #expect(parts.errors.contains("(restart \(disturbances) of \(disturbances))"), "seed \(seed): \(parts.errors)")
    try expectSameRuns(program)
  }

  private func arguments(output: String) -> [String] {
    [
      "pretrain", "recipe.yaml", "training.global_batch_size=12", "training.epochs=\(steps)",
      "output.checkpoint_every_steps=1", "output.log_every_steps=1", "distributed.timeout_seconds=\(timeoutSeconds)",
      "distributed.batch_norm_ranks=\(batchNormRanks)", "--output", output, "--processes", "\(processes)",
    ]
  }

  /// Disturbs a random worker, each time at a step further on or, one time in four, wherever it is.
  private func disturb(_ program: Program, _ running: Program.Running) throws {
    var random = PhiloxGenerator(seed: seed, epoch: 0, sample: 0, stream: 0)
    var killed: Set<pid_t> = []
    for _ in 0..<disturbances {
      var workers: [Int: pid_t] = [:]
      // The workers of the attempt before may not have ended yet.
      repeat {
        workers = program.workers(of: running.process, count: processes)
      } while running.process.isRunning && !killed.isDisjoint(with: workers.values)
      if Int.random(in: 0..<4, using: &random) > 0 {
        let step = (program.lastStep(in: "parts") ?? 0) + Int.random(in: 1...2, using: &random)
        program.waitForStep(step, in: "parts", of: running.process)
        usleep(UInt32.random(in: 0..<20_000, using: &random))
      } else {
        usleep(UInt32.random(in: 0..<400_000, using: &random))
      }
      let victim = try #require(workers[Int.random(in: 0..<processes, using: &random)])
      kill(victim, Double.random(in: 0..<1, using: &random) < stopShare ? SIGSTOP : SIGKILL)
      killed.formUnion(workers.values)
    }
  }

  private func expectSameRuns(_ program: Program) throws {
    let checkpoints = try ["whole", "parts"].map { name in
      try #require(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent(name)))).url
    }
    #expect(checkpoints[0].lastPathComponent == checkpoints[1].lastPathComponent)
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
      let bytes = try checkpoints.map { try Data(contentsOf: $0.appendingPathComponent(file)) }
      #expect(bytes[0] == bytes[1], "seed \(seed): \(file) differs")
    }
    let losses = try ["whole", "parts"].map { name in
      try String(contentsOf: program.folder.appendingPathComponent("\(name)/metrics.jsonl"), encoding: .utf8)
        .split(separator: "\n").compactMap { line in
          (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["loss"] as? Double
        }
    }
    #expect(losses[0].count == steps && losses[0] == losses[1], "seed \(seed): not each step is logged once")
  }
}
