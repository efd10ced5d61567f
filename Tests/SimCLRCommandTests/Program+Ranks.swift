import Foundation
import Launching

/// The ranks of a job: those that a supervisor started, or those that the test starts as another launcher would.
extension Program {
  /// A port of loopback that is free now.
  static func freePort() throws -> Int {
    let socket = try ListeningSocket(on: "127.0.0.1", port: 0)
    close(socket.descriptor)
    return socket.port
  }

  /// Starts the rank of a job as torchrun would, without its agent: rank 0 serves the store.
  func startRank(
    _ rank: Int, of size: Int, port: Int, host: String = "127.0.0.1", variables: [String: String] = [:],
    _ arguments: [String]
  ) throws -> Running {
    let place = [
      "RANK": "\(rank)", "LOCAL_RANK": "\(rank)", "WORLD_SIZE": "\(size)", "LOCAL_WORLD_SIZE": "\(size)",
      "MASTER_ADDR": host, "MASTER_PORT": "\(port)",
    ]
    return try start(["pretrain", "recipe.yaml"] + arguments, variables: place.merging(variables) { $1 })
  }

  /// Starts all ranks with the same arguments.
  func startRanks(_ size: Int, _ arguments: [String]) throws -> [Running] {
    let port = try Self.freePort()
    return try (0..<size).map { try startRank($0, of: size, port: port, arguments) }
  }

  /// The workers of a supervisor, by rank, once all have started; fewer when it ends before.
  func workers(of supervisor: Process, count: Int) -> [Int: pid_t] {
    var found: [Int: pid_t] = [:]
    let deadline = Date().addingTimeInterval(60)
    while found.count < count, supervisor.isRunning, Date() < deadline {
      usleep(2000)
      for worker in Self.children(of: supervisor.processIdentifier) {
        if let rank = Self.rank(of: worker) { found[rank] = worker }
      }
      found = found.filter { kill($0.value, 0) == 0 }
    }
    return found
  }

  /// Waits until the run's metrics name a step that is not below `step`.
  ///
  /// - Returns: the last step they name; nil when the process ended before.
  @discardableResult func waitForStep(_ step: Int, in run: String, of process: Process) -> Int? {
    let deadline = Date().addingTimeInterval(120)
    while Date() < deadline, process.isRunning {
      if let last = lastStep(in: run), last >= step { return last }
      usleep(2000)
    }
    return nil
  }

  /// Waits until the program has said something on standard error.
  func wait(for text: String, in running: Running) throws {
    let deadline = Date().addingTimeInterval(120)
    while try !String(contentsOf: running.errors, encoding: .utf8).contains(text), running.process.isRunning,
      Date() < deadline
    {
      usleep(2000)
    }
  }

  /// The last step that the run's metrics name.
  func lastStep(in run: String) -> Int? {
    let url = folder.appendingPathComponent("\(run)/metrics.jsonl")
    let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").last.flatMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["step"] as? Int
    }
  }

  /// Whether a process has ended, given two seconds for it.
  static func hasEnded(_ process: pid_t) -> Bool {
    for _ in 0..<200 {
      if kill(process, 0) != 0 { return true }
      usleep(10_000)
    }
    return false
  }

  private static func children(of process: pid_t) -> [pid_t] {
    let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
    return text?.split(separator: " ").compactMap { pid_t($0) } ?? []
  }

  /// What its environment says: nil until it runs the program.
  private static func rank(of process: pid_t) -> Int? {
    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
    let name = SupervisorVariable.rank.rawValue + "="
    return bytes.split(separator: 0).lazy.map { String(decoding: $0, as: UTF8.self) }
      .first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
  }
}
