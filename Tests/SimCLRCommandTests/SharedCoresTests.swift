import Foundation
import Launching
import Testing

/// Where the threads of a training run. How fast it is beside other programs, Benchmarks/shared-cores.sh measures.
@Suite(.enabled(if: Cores.available > 1)) struct SharedCoresTests {
  @Test("each thread of operations has a core of its own while it trains, those of the loader have all")
  func cores() throws {
    let program = try Program()
    defer { program.remove() }
    let running = try start(program, ["training.threads=0", "data.threads=3"])
    let all = try cores(ofThread: "self/status")
    let placed = try waitFor(running) { threads in
      let alone = threads.filter { !$0.contains { ",-".contains($0) } }
      return alone.count == Cores.available ? alone : nil
    }
    #expect(Set(placed).count == Cores.available)
    #expect(try threads(of: running).filter { $0 == all }.count >= 3)
    try stop(running, program)
  }

  @Test(
    "threads run anywhere where users say where they run, and where there are fewer than cores",
    arguments: [
      (["training.threads=0"], ["OMP_PROC_BIND": "false"]), (["training.threads=1"], [:]),
    ])
  func anywhere(overrides: [String], variables: [String: String]) throws {
    let program = try Program()
    defer { program.remove() }
    let running = try start(program, overrides, variables)
    let metrics = program.folder.appendingPathComponent("run/metrics.jsonl")
    let found = try waitFor(running) { threads in
      let lines = (try? String(contentsOf: metrics, encoding: .utf8))?.split(separator: "\n").count ?? 0
      return lines > 2 ? threads : nil
    }
    let all = try cores(ofThread: "self/status")
    #expect(found.allSatisfy { $0 == all })
    try stop(running, program)
  }

  private func start(_ program: Program, _ overrides: [String], _ variables: [String: String] = [:]) throws
    -> Program.Running
  {
    try program.start(
      ["pretrain", "recipe.yaml", "--output", "run", "training.epochs=100000", "output.checkpoint_every_steps=0"]
        + overrides,
      variables: variables)
  }

  /// Asks it to stop, so that what it does at its end is run too.
  private func stop(_ running: Program.Running, _ program: Program) throws {
    kill(running.process.processIdentifier, SIGTERM)
    let outcome = try program.finish(running)
    #expect(outcome.exitCode == 75, "\(outcome.errors)")
  }

  /// Looks at the cores of the program's threads until `find` finds something.
  private func waitFor(_ running: Program.Running, _ find: ([String]) -> [String]?) throws -> [String] {
    for _ in 0..<6000 where running.process.isRunning {
      if let found = find(try threads(of: running)) { return found }
      usleep(10_000)
    }
    let found = try threads(of: running)
    return try #require(nil, "the training's threads are on \(found)")
  }

  /// Where each thread may run, as the system writes it: `0-1`, or `1`.
  private func threads(of running: Program.Running) throws -> [String] {
    let process = running.process.processIdentifier
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    // One may end meanwhile.
    return threads.compactMap { try? cores(ofThread: "\(process)/task/\($0)/status") }
  }

  private func cores(ofThread path: String) throws -> String {
    let status = try String(contentsOfFile: "/proc/\(path)", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
    return line.split(separator: "\t")[1].trimmingCharacters(in: .whitespaces)
  }
}
