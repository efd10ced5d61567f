import Foundation
import Pretraining
import Testing

/// Who writes a run, and what becomes of those who want to as well.
@Suite struct OneWriterTests {
  private static let endless = ["training.epochs=1000000"]

  private func interrupt(_ running: Program.Running, of program: Program) throws -> Program.Outcome {
    kill(running.process.processIdentifier, SIGINT)
    return try program.finish(running)
  }

  @Test("a second process that resumes a run ends at once with exit code 2 and says who writes it")
  func second() throws {
    let program = try Program()
    defer { program.remove() }
    let first = try program.start(["pretrain", "recipe.yaml", "--output", "run"] + Self.endless)
    program.waitForStep(4, in: "run", of: first.process)
    for processes in ["1", "2"] {
      let second = try program.finish(
        program.start(
          ["pretrain", "recipe.yaml", "--output", "run", "--resume", "--processes", processes, "--max-restarts", "1"]
            + Self.endless))
      #expect(second.exitCode == 2)
      let path = program.folder.appendingPathComponent("run").path
      let message =
        "\(path) is being written by process \(first.process.processIdentifier) on \(ProcessInfo.processInfo.hostName), since "
      #expect(second.errors.contains(message), "\(second.errors)")
      #expect(second.errors.contains("Z: wait until that ends, or choose another folder (--output)\n"))
      #expect(!second.errors.contains("starting all again"))
    }
    let stopped = try interrupt(first, of: program)
    #expect(stopped.exitCode == 75)
    let step = try #require(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent("run")))).position
      .step
    let metrics = try String(
      contentsOf: program.folder.appendingPathComponent("run/metrics.jsonl"), encoding: .utf8)
    #expect(metrics.split(separator: "\n").count { $0.contains("\"loss\"") } == step)
  }

  @Test("the lock ends with its process, however that ends")
  func killed() throws {
    let program = try Program()
    defer { program.remove() }
    let first = try program.start(["pretrain", "recipe.yaml", "--output", "run"] + Self.endless)
    program.waitForStep(4, in: "run", of: first.process)
    kill(first.process.processIdentifier, SIGKILL)
    first.process.waitUntilExit()
    let second = try program.start(["pretrain", "recipe.yaml", "--output", "run", "--resume"] + Self.endless)
    program.waitForStep(5, in: "run", of: second.process)
    #expect(try interrupt(second, of: program).exitCode == 75)
  }

  @Test("a full disk is a warning while training, and an error at the end")
  func fullDisk() throws {
    let program = try Program()
    defer { program.remove() }
    let run = RunFolder(program.folder.appendingPathComponent("run"))
    let running = try program.start(["pretrain", "recipe.yaml", "--output", "run"] + Self.endless)
    program.waitForStep(4, in: "run", of: running.process)
    // No file can grow beyond this any more, and so none of tensors can be written.
    let limit = { (bytes: String) in
      try program.shell("prlimit --pid \(running.process.processIdentifier) --fsize=\(bytes):unlimited")
    }
    #expect(try limit("60000").exitCode == 0)
    try program.wait(for: "warning: cannot write the checkpoint of step", in: running)
    let saved = try #require(try Checkpoint.latest(in: run)).position.step
    #expect(running.process.isRunning)
    #expect(try limit("unlimited").exitCode == 0)
    program.waitForStep(saved + 20, in: "run", of: running.process)
    #expect(try limit("60000").exitCode == 0)
    let ended = try interrupt(running, of: program)
    #expect(ended.exitCode == 1)
    #expect(ended.errors.contains("error: cannot write the checkpoint of step "))
    #expect(ended.errors.contains("File too large. Earlier checkpoints are untouched"))
    #expect(try Checkpoint.latest(in: run)?.position.step ?? 0 > saved)
  }
}
