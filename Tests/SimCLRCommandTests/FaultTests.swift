import Foundation
import Pretraining
import Randomness
import Testing
import Torch

/// Processes of real trainings are killed and stopped. What is noticed at once is told from what is noticed after the
/// timeout by a timeout that is far longer than `patience`, and that by the default one, so that a busy machine may take
/// several times as long as a free one.
@Suite struct FaultTests {
  /// Seconds within which the others have to end.
  private static let patience = 30.0

  private static func endless(timeout: Int) -> [String] {
    ["distributed.timeout_seconds=\(timeout)", "training.epochs=100000"]
  }

  // MARK: Under the supervisor

  @Test(
    "a worker killed at any moment ends the run within seconds, named, and the run goes on from its last checkpoint")
  func killUnderSupervisor() throws {
    let program = try Program()
    defer { program.remove() }
    var random = PhiloxGenerator(seed: 4, epoch: 0, sample: 0, stream: 0)
    // From the first moments, when processes still meet, to the middle of training.
    for milliseconds in [50, 350, 900, 2000] {
      let running = try program.start(
        ["pretrain", "recipe.yaml", "--output", "run", "--resume", "--processes", "2"]
          + Self.endless(timeout: 120))
      let workers = program.workers(of: running.process, count: 2)
      #expect(workers.count == 2)
      usleep(UInt32(milliseconds + Int.random(in: 0..<100, using: &random)) * 1000)
      let victim = Int.random(in: 0..<2, using: &random)
      kill(try #require(workers[victim]), SIGKILL)
      let start = Date()
      let outcome = try program.finish(running)
      #expect(-start.timeIntervalSinceNow < Self.patience, "after \(milliseconds) ms")
      #expect(outcome.exitCode == 1)
      #expect(
        outcome.errors.contains("error: rank \(victim) was killed by SIGKILL (signal 9): out of memory?"),
        "\(outcome.errors)")
      expectPlain(outcome)
      #expect(workers.values.allSatisfy(Program.hasEnded))
    }
    let steps = try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent("run")))?.position.step ?? 0
    let resumed = try program.start(
      ["pretrain", "recipe.yaml", "--output", "run", "--resume", "training.epochs=100000"]
        + ["training.maximum_steps=\(steps + 2)"])
    #expect(try program.finish(resumed).errors.contains("done after \(steps + 2) steps"))
  }

  @Test("a worker that stands still is named within the timeout and killed", arguments: [0, 1])
  func stopUnderSupervisor(victim: Int) throws {
    let program = try Program()
    defer { program.remove() }
    let running = try program.start(
      ["pretrain", "recipe.yaml", "--output", "run", "--processes", "2"] + Self.endless(timeout: 5))
    let workers = program.workers(of: running.process, count: 2)
    program.waitForStep(1, in: "run", of: running.process)
    kill(try #require(workers[victim]), SIGSTOP)
    let start = Date()
    let outcome = try program.finish(running)
    #expect(-start.timeIntervalSinceNow < Self.patience)
    #expect(outcome.exitCode == 1)
    #expect(
      outcome.errors.contains("error: rank \(1 - victim): lost rank \(victim): no sign of life"), "\(outcome.errors)")
    expectPlain(outcome)
    #expect(workers.values.allSatisfy(Program.hasEnded))
  }

  // MARK: Under other launchers

  @Test(
    "under other launchers the others name the rank that was lost and end by themselves",
    arguments: [0, 1, 2], [SIGKILL, SIGSTOP])
  func lossUnderOtherLaunchers(victim: Int, signal: Int32) throws {
    let program = try Program()
    defer { program.remove() }
    let ranks = try program.startRanks(
      3, ["--output", "run", "training.global_batch_size=6"] + Self.endless(timeout: signal == SIGKILL ? 120 : 5))
    program.waitForStep(2, in: "run", of: ranks[0].process)
    kill(ranks[victim].process.processIdentifier, signal)
    let start = Date()
    for survivor in 0..<3 where survivor != victim {
      let outcome = try program.finish(ranks[survivor])
      #expect(outcome.exitCode == 1)
      #expect(outcome.errors.contains("error: lost rank \(victim): "), "rank \(survivor): \(outcome.errors)")
      expectPlain(outcome)
    }
    #expect(-start.timeIntervalSinceNow < Self.patience)
    kill(ranks[victim].process.processIdentifier, SIGKILL)
    _ = try program.finish(ranks[victim])
  }

  @Test("a rank that fails for a reason of its own is quoted by the others")
  func ownFailure() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let missing = try [
      program.startRank(0, of: 2, port: port, ["--output", "run"]),
      program.startRank(1, of: 2, port: port, ["--output", "run", "data.path=nowhere"]),
    ].map(program.finish)
    #expect(missing[1].errors.hasPrefix("error: ") && missing[1].errors.contains("/nowhere: no such folder"))
    #expect(missing[0].errors.hasPrefix("error: rank 1 failed: "), "\(missing[0].errors)")
    #expect(missing[0].errors.contains("/nowhere: no such folder"))
    #expect(!FileManager.default.fileExists(atPath: program.folder.appendingPathComponent("run").path))

    #expect(try program.run("pretrain", "recipe.yaml", "training.maximum_steps=1", "--output", "used").exitCode == 0)
    let used = try program.startRanks(2, ["--output", "used"]).map(program.finish)
    #expect(used[0].errors.contains("already holds a run: continue it with --resume"))
    #expect(used[1].errors.hasPrefix("error: rank 0 failed: ") && used[1].errors.contains("already holds a run"))
    #expect((missing + used).map(\.exitCode) == [1, 1, 2, 2])
    for outcome in missing + used { expectPlain(outcome) }
  }

  @Test("a disk that is full on rank 0 is what the others report too")
  func fullDisk() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    // A limit on the size of files stands for the disk: weights do not fit, metrics do.
    let line = (0..<2).map { rank in
      "RANK=\(rank) LOCAL_RANK=\(rank) WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=\(port) simclr pretrain recipe.yaml"
        + " --output run 2>rank-\(rank).err"
    }
    let outcome = try program.shell("trap '' XFSZ; ulimit -f 64; \(line[0]) & \(line[1]); code=$?; wait $!; exit $code")
    #expect(outcome.exitCode == 1)
    let errors = try (0..<2).map {
      try String(contentsOf: program.folder.appendingPathComponent("rank-\($0).err"), encoding: .utf8)
    }
    #expect(errors[0].contains("error: cannot write the checkpoint of step 3: "), "\(errors[0])")
    #expect(errors[1].contains("error: rank 0 failed: cannot write the checkpoint of step 3: "), "\(errors[1])")
  }

  // MARK: Numbers that are not finite

  @Test("where the loss is no longer finite all processes skip, and stop together with one message and the images")
  func notFinite() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "optimizer.learning_rate=1e30", "training.maximum_skipped_steps=2",
      "output.checkpoint_every_steps=1", "--output", "run", "--processes", "2", "--max-restarts", "0")
    #expect(outcome.exitCode == 1)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.filter { $0.hasPrefix("skipped step ") }.count == 3, "\(outcome.errors)")
    #expect(lines.filter { $0.contains("error: ") }.count == 1)
    #expect(lines.last?.hasPrefix("error: rank ") == true && lines.last?.contains("the 3rd in a row") == true)
    #expect(!outcome.errors.contains("[rank 1]"))
    let run = RunFolder(program.folder.appendingPathComponent("run"))
    // After the line that says which schema it has.
    let list = try String(contentsOf: run.skippedStepsURL, encoding: .utf8).split(separator: "\n")
    let skips = try list.dropFirst().map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(skips.compactMap { $0["in_a_row"] as? Int } == [1, 2, 3])
    for skip in skips { #expect(Set(try #require(skip["sample_indices"] as? [Int])).count == 4) }
    let state = try #require(try Checkpoint.latest(in: run)).modelState()
    let running = state.filter { $0.key.contains("running_") }
    #expect(!running.isEmpty && running.values.allSatisfy { $0.array(of: Float.self).allSatisfy(\.isFinite) })
  }

  @Test("killed and started again, a run lists the steps that were skipped as one that was not disturbed does")
  func skippedSteps() throws {
    let program = try Program()
    defer { program.remove() }
    func arguments(_ output: String) -> [String] {
      ["pretrain", "recipe.yaml", "optimizer.learning_rate=1e30", "training.maximum_skipped_steps=1000"]
        + ["training.epochs=20", "--output", output, "--processes", "2", "--max-restarts", "3"]
    }
    #expect(try program.finish(program.start(arguments("whole"))).exitCode == 0)
    let running = try program.start(arguments("parts"))
    for step in [5, 17, 31] {
      let workers = program.workers(of: running.process, count: 2)
      program.waitForStep(step, in: "parts", of: running.process)
      kill(try #require(workers[step % 2]), SIGKILL)
      #expect(workers.values.allSatisfy(Program.hasEnded))
    }
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == 0 && outcome.errors.contains("(restart 3 of 3)"), "\(outcome.errors)")
    let lists = try ["whole", "parts"].map { name in
      try String(contentsOf: program.folder.appendingPathComponent("\(name)/skipped_steps.jsonl"), encoding: .utf8)
    }
    // Besides the line that says which schema it has.
    #expect(lists[0].split(separator: "\n").count == 1 + 99)
    #expect(lists[0] == lists[1])
  }

  /// Errors are one or two lines for people, without libtorch's own words.
  private func expectPlain(_ outcome: Program.Outcome) {
    for words in ["enforce fail", "Exception raised", "gloo", ".cc:", "frame #", "c10"] {
      #expect(!outcome.errors.contains(words), "\(outcome.errors)")
    }
  }

  @Test("SIGABRT ends the program, SIGQUIT saves first", arguments: [SIGABRT, SIGQUIT])
  func fatalSignals(signal: Int32) throws {
    let program = try Program()
    defer { program.remove() }
    let running = try program.start(["pretrain", "recipe.yaml", "training.epochs=10000", "--output", "run"])
    program.waitForStep(3, in: "run", of: running.process)
    kill(running.process.processIdentifier, signal)
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == (signal == SIGQUIT ? 75 : signal))
    #expect(running.process.terminationReason == (signal == SIGQUIT ? .exit : .uncaughtSignal))
    #expect(!outcome.errors.contains("Thread"), "\(outcome.errors)")
  }

  @Test(
    "after a supervisor was stopped for longer than the timeout, a rank that is lost later is the one that is blamed")
  func stalledSupervisor() throws {
    let program = try Program()
    defer { program.remove() }
    let running = try program.start(
      ["pretrain", "recipe.yaml", "training.epochs=100000", "training.global_batch_size=6", "--output", "run"]
        + ["--processes", "3", "distributed.timeout_seconds=3"])
    let workers = program.workers(of: running.process, count: 3)
    program.waitForStep(3, in: "run", of: running.process)
    kill(running.process.processIdentifier, SIGSTOP)
    sleep(6)
    kill(running.process.processIdentifier, SIGCONT)
    // Time to connect again.
    sleep(5)
    kill(try #require(workers[1]), SIGSTOP)
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.contains(": lost rank 1: no sign of life"), "\(outcome.errors.suffix(500))")
  }
}
