import Foundation
import Launching
import Testing

/// Stopping outside of the training loop, starting late, and starting what cannot be.
@Suite struct StopAndStartTests {
  /// Waits until somebody listens on a port of loopback.
  private func waitForListener(_ port: Int) {
    for _ in 0..<3000 {
      let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(probe) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      let isThere = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isThere { return }
      usleep(10_000)
    }
  }

  @Test("a process that waits for others leaves when asked to: to be gone on with where there is a checkpoint")
  func stopWhileMeeting() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "training.maximum_steps=3", "--output", "run").exitCode == 0)
    let start = Date()
    let cases: [(output: String, code: Int32, text: String)] = [
      ("other", 143, "stopped before the first step\n"),
      ("run", 75, "stopped. Go on from the last checkpoint with the same command and --resume\n"),
    ]
    for (output, code, text) in cases {
      let port = try Program.freePort()
      let rank = try program.startRank(
        0, of: 2, port: port, ["--output", output, "--resume", "distributed.timeout_seconds=300"])
      waitForListener(port)
      kill(rank.process.processIdentifier, SIGTERM)
      let outcome = try program.finish(rank)
      #expect(outcome.exitCode == code)
      #expect(outcome.errors == text)
    }
    // Far less than they would wait.
    #expect(-start.timeIntervalSinceNow < 100)
  }

  /// Two machines' supervisors, on this one.
  private func startNode(_ node: Int, _ port: Int, _ program: Program, _ arguments: [String]) throws -> Program.Running
  {
    let place = ["--nodes", "2", "--node-rank", "\(node)", "--rendezvous", "127.0.0.1:\(port)"]
    return try program.start(
      ["pretrain", "recipe.yaml", "--output", "run"] + place + arguments,
      variables: ["SIMCLR_JOB_TOKEN": "0123456789abcdef0123456789abcdef"])
  }

  @Test("a supervisor whose workers wait for another machine leaves when asked to")
  func stopWhileWaitingForNode() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let start = Date()
    let node = try startNode(0, port, program, ["distributed.timeout_seconds=300", "--max-restarts", "3"])
    #expect(program.workers(of: node.process, count: 1).count == 1)
    usleep(500_000)
    kill(node.process.processIdentifier, SIGINT)
    let outcome = try program.finish(node)
    #expect(outcome.exitCode == 130)
    #expect(outcome.errors.contains("error: stopped by SIGINT without a checkpoint"), "\(outcome.errors)")
    #expect(-start.timeIntervalSinceNow < 100)
  }

  @Test("a machine that comes later than the others wait meets them in a later attempt")
  func lateNode() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let options = ["distributed.timeout_seconds=4", "--max-restarts", "20"]
    let first = try startNode(0, port, program, options)
    let errors = { (try? String(contentsOf: first.errors, encoding: .utf8)) ?? "" }
    for _ in 0..<6000 where !errors().contains("(restart 1 of 20)") { usleep(10_000) }
    let second = try startNode(1, port, program, options)
    let outcomes = try [first, second].map(program.finish)
    #expect(outcomes.map(\.exitCode) == [0, 0], "\(outcomes.map(\.errors))")
    #expect(outcomes[0].errors.contains("rank 1 of 2 did not arrive"))
    #expect(outcomes[0].errors.contains("done after 20 steps"))
  }

  @Test("more processes than divide the batch, or than the machine has room for, are refused before any starts")
  func tooMany() throws {
    let program = try Program()
    defer { program.remove() }
    let cases = [
      (
        "100000", "training.global_batch_size=4",
        "training.global_batch_size 4 cannot be split evenly over 100000 processes"
      ),
      ("100000", "training.global_batch_size=100000", "--processes 100000: this machine has "),
    ]
    for (processes, batch, text) in cases {
      let outcome = try program.run("pretrain", "recipe.yaml", batch, "--output", "run", "--processes", processes)
      #expect(outcome.exitCode == 2)
      #expect(outcome.errors.hasPrefix("error: \(text)"), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
    }
  }

  @Test("processes may open as many files as the system lets them")
  func descriptors() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.shell(
      """
      ulimit -Sn 200
      simclr pretrain recipe.yaml --output run --processes 2 distributed.timeout_seconds=60 &
      for i in $(seq 500); do
        worker=$(cat /proc/$!/task/$!/children 2>/dev/null | cut -d' ' -f1)
        [[ -s run/metrics.jsonl ]] && break
        sleep 0.02
      done
      awk '/Max open files/ { print ($4 == $5) ? "all" : $4 " of " $5 }' /proc/$!/limits /proc/$worker/limits
      wait $!
      """)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.output == "all\nall\n")
  }
}
