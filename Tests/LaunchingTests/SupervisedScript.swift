import Foundation

/// Shell scripts as workers of a supervisor that is a process of its own, in a scratch folder that is their `$FOLDER`.
final class SupervisedScript {
  struct Outcome {
    let exitCode: Int32
    let output: String
    let errors: String
    let seconds: Double
  }

  let folder: URL
  private(set) var process = Process()
  private var start = ContinuousClock.now

  private static let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("supervise-for-tests")

  /// `report PROBLEM [ADVICE]` hands a reason to the supervisor, in the form of ``Explanation``.
  private static let report = #"""
    report() {
      local advice=''
      [[ -z $2 ]] || advice=",\"advice\":\"$2\""
      echo "{\"problem\":\"$1\"$advice,\"isWrongUsage\":false}" >&$SIMCLR_REPORT
    }
    """#

  /// - Parameters:
  ///   - script: lines of bash.
  ///   - wrapper: a command that runs the supervisor.
  init(
    _ script: String, processes: Int = 2, restarts: Int = 0, arguments: [String] = [],
    nodes: (count: Int, rank: Int, rendezvous: String) = (1, 0, "-"), wrapper: [String] = [],
    environment: [String: String] = [:]
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("supervised-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("worker.sh")
    try "#!/bin/bash\nR=$SIMCLR_RANK\n\(Self.report)\n\(script)\n".write(to: file, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    let command =
      wrapper + [Self.program.path, "\(processes)", "\(restarts)", "\(nodes.count)", "\(nodes.rank)", nodes.rendezvous]
    try launch(command + [file.path] + arguments, environment)
  }

  init(program: String) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("supervised-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try launch([Self.program.path, "2", "0", "1", "0", "-", program], [:])
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: folder)
  }

  private func launch(_ command: [String], _ environment: [String: String]) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      .merging(["FOLDER": folder.path]) { $1 }
    for name in ["out", "err"] { _ = FileManager.default.createFile(atPath: path(name), contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: path("out")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: path("err")))
    start = .now
    try process.run()
  }

  /// Waits for the supervisor's end.
  func finish() -> Outcome {
    process.waitUntilExit()
    let time = start.duration(to: .now).components
    return Outcome(
      exitCode: process.terminationStatus, output: text("out"), errors: text("err"),
      seconds: Double(time.seconds) + Double(time.attoseconds) * 1e-18)
  }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Makes an empty file in the folder.
  func touch(_ name: String) { _ = FileManager.default.createFile(atPath: path(name), contents: nil) }

  /// What a file of the folder holds, nothing if it is not there.
  func text(_ name: String) -> String { (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? "" }

  /// The process numbers that workers wrote into `pid0`, `pid1` and so on.
  func processes(_ count: Int) -> [pid_t] {
    (0..<count).compactMap { pid_t(text("pid\($0)").trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Supervisor and workers, and whoever else has the folder among its arguments.
  var processesThatNameTheFolder: [String] {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return numbers.filter { number in
      pid_t(number) != nil
        && (try? String(contentsOfFile: "/proc/\(number)/cmdline", encoding: .utf8))?.contains(folder.path) == true
    }
  }

  /// Waits until the condition holds, at most a minute.
  func wait(until condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      if condition() { return true }
      usleep(5000)
    }
    return false
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
}
