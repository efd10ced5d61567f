import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

@Suite struct LaunchTests {
  @Test("options that do not fit together end with exit code 2 and one line")
  func wrongUsage() throws {
    let program = try Program()
    defer { program.remove() }
    let cases: [(arguments: [String], text: String)] = [
      (["--processes", "0"], "--processes: expected at least 1, got 0"),
      (["--node-rank", "1"], "--node-rank and --rendezvous belong to several machines"),
      (["--nodes", "2", "--node-rank", "2"], "--node-rank: expected 0 to 1"),
      (["--nodes", "2", "--node-rank", "0", "--rendezvous", "node-a"], "--rendezvous: expected HOST:PORT such as"),
      (["--nodes", "2", "--node-rank", "0", "--rendezvous", "localhost:1"], "SIMCLR_JOB_TOKEN: expected a secret"),
      (["--max-restarts", "-1"], "--max-restarts"),
    ]
    for (arguments, text) in cases {
      let outcome = try program.finish(program.start(["pretrain", "recipe.yaml", "--output", "run"] + arguments))
      #expect(outcome.exitCode == 2, "\(arguments)")
      #expect(outcome.errors.lowercased().hasPrefix("error: ") && outcome.errors.contains(text), "\(outcome.errors)")
    }
    let nested = try program.shell(
      "RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 simclr pretrain recipe.yaml --output run --processes 2")
    #expect(nested.exitCode == 2 && nested.errors.contains("this process is rank 0 of 2, started by Kubeflow"))
    #expect(!FileManager.default.fileExists(atPath: program.folder.appendingPathComponent("run").path))
  }

  @Test("a wrong configuration is reported once, before any process is started")
  func wrongConfiguration() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "training.epoch=3", "--output", "run", "--max-restarts", "3")
    #expect(outcome.exitCode == 2)
    #expect(outcome.errors.hasPrefix("error: override 'training.epoch=3': unknown key"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test("a worker that is killed is started again, and the parameters end as if it had not been")
  func restart() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "whole").exitCode == 0)
    let running = try program.start(["pretrain", "recipe.yaml", "--output", "parts", "--max-restarts", "2"])
    for steps in [4, 11] {
      try waitForStep(steps, in: program.folder.appendingPathComponent("parts"), of: running.process)
      kill(try #require(worker(of: running.process)), SIGKILL)
    }
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == 0)
    for restart in 1...2 {
      #expect(
        outcome.errors.contains(
          "rank 0 was killed by SIGKILL; starting all again from the last checkpoint (restart \(restart) of 2)\n"))
    }
    #expect(outcome.errors.contains("done after 20 steps"))
    let states = try ["whole", "parts"].map { name in
      try #require(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent(name)))).modelState()
    }
    #expect(areIdentical(states[0], states[1]))
  }

  @Test("SIGTERM to the supervisor has its worker save, and both leave with exit code 75")
  func stop() throws {
    let program = try Program()
    defer { program.remove() }
    let running = try program.start(["pretrain", "recipe.yaml", "--output", "run", "--max-restarts", "2"])
    try waitForStep(2, in: program.folder.appendingPathComponent("run"), of: running.process)
    kill(running.process.processIdentifier, SIGTERM)
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == 75)
    #expect(outcome.errors.contains("Go on with the same command and --resume"))
    #expect(!outcome.errors.contains("error:"))
    #expect(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent("run"))) != nil)
  }

  @Test("a worker's own error is reported once, with its rank and exit code")
  func failure() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "data.path=nowhere", "--output", "run", "--max-restarts", "1")
    #expect(outcome.exitCode == 1)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("rank 0 failed: ") && lines[1].hasPrefix("starting all again "))
    #expect(lines[2].hasPrefix("error: rank 0: "))
  }

  @Test("progress is live when a supervisor says that a terminal is behind standard error")
  func liveProgress() throws {
    let program = try Program()
    defer { program.remove() }
    let live = try program.shell("SIMCLR_TERMINAL=1 simclr pretrain recipe.yaml training.maximum_steps=2 --output a")
    #expect(live.exitCode == 0 && live.errors.contains("\r\u{1B}[Kepoch 1  step 2/2  "), "\(live.errors)")
    let plain = try program.shell("simclr pretrain recipe.yaml training.maximum_steps=2 --output b")
    #expect(plain.exitCode == 0 && plain.errors.contains("\nepoch 1  step 2/2  "), "\(plain.errors)")
  }

  @Test("a run of several processes says what carries their exchanges")
  func carrier() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "training.maximum_steps=1", "--processes", "2", "--output", "run")
    #expect(
      outcome.exitCode == 0 && outcome.errors.contains(", 2 processes\nexchanges over Gloo\n"), "\(outcome.errors)")
  }

  @Test("variables of another launcher that make no sense end with exit code 2 and one line")
  func otherLauncher() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.shell(
      "RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=no simclr pretrain recipe.yaml --output run")
    #expect(outcome.exitCode == 2)
    #expect(outcome.errors == "error: MASTER_PORT: expected a port, 1 to 65535, got 'no'\n")
  }

  @Test("NCCL without CUDA devices is one line, from one process and from several", arguments: [1, 2])
  func ncclWithoutCUDA(processes: Int) throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "pretrain", "recipe.yaml", "distributed.backend=nccl", "--output", "run", "--processes", "\(processes)")
    #expect(outcome.exitCode == 2)
    let text =
      "distributed.backend=nccl: it connects CUDA devices, and training.device is cpu: use distributed.backend=gloo"
    #expect(outcome.errors.contains(text) && outcome.errors.hasPrefix("error: "), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: program.folder.appendingPathComponent("run").path))
  }

  private func waitForStep(_ step: Int, in run: URL, of process: Process) throws {
    let deadline = Date().addingTimeInterval(60)
    while Date() < deadline, process.isRunning {
      let text = (try? String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8)) ?? ""
      if text.split(separator: "\n").contains(where: {
        $0.contains("\"step\":\(step),") || $0.contains("\"step\":\(step)}")
      }) {
        return
      }
      usleep(2000)
    }
  }

  private func worker(of process: Process) -> pid_t? {
    let number = process.processIdentifier
    let text = try? String(contentsOfFile: "/proc/\(number)/task/\(number)/children", encoding: .utf8)
    return text?.split(separator: " ").lazy.compactMap { pid_t($0) }.first
  }
}
