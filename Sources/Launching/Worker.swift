import CLinux
import Foundation

/// A process that a supervisor started.
final class Worker {
  let rank: Int
  /// Where its standard error comes out; -1 after its end.
  private(set) var errors: Int32
  /// nil while it runs.
  private(set) var ending: WorkerEnding?
  /// Why it failed; nil where it did not, or gave no reason.
  private(set) var reason: Explanation?
  private var text: WorkerText
  /// Where its reason comes out.
  private let report: Int32
  private let process: pid_t

  /// Starts it.
  ///
  /// - Throws: ``LaunchError`` naming what could not be done.
  init(rank: Int, executable: String, arguments: [String], environment: [String: String], cores: [Int]) throws {
    var (ends, reportEnds) = ([Int32](repeating: -1, count: 2), [Int32](repeating: -1, count: 2))
    var code = linux_pipe(&ends)
    if code == 0 { code = linux_pipe(&reportEnds) }
    var step: UnsafePointer<CChar>?
    var child = pid_t(-1)
    if code == 0 {
      // Only the supervisor's ends must not block.
      for end in [ends[1], reportEnds[1]] { _ = fcntl(end, F_SETFL, 0) }
      var environment = environment
      environment[SupervisorVariable.report.rawValue] = "\(LINUX_REPORT_DESCRIPTOR)"
      code = Self.spawn(
        executable, arguments, environment, output: rank == 0 ? -1 : ends[1], errors: ends[1], report: reportEnds[1],
        cores: cores, &child, &step)
    }
    for end in [ends[1], reportEnds[1]] where end >= 0 { close(end) }
    guard code == 0 else {
      for end in [ends[0], reportEnds[0]] where end >= 0 { close(end) }
      let action = step.map { String(cString: $0) } ?? "connect its output"
      throw LaunchError(
        "cannot start rank \(rank): cannot \(action): \(executable): \(String(cString: strerror(code)))")
    }
    self.rank = rank
    process = child
    errors = ends[0]
    report = reportEnds[0]
    text = WorkerText(rank: rank)
  }

  deinit {
    if errors >= 0 { close(errors) }
    close(report)
  }

  var isRunning: Bool { ending == nil }

  /// Sends a signal to the worker alone: what it started is its own business.
  func send(_ signal: Int32) {
    if isRunning { kill(process, signal) }
  }

  /// Ends it and all it started.
  func killGroup() {
    if isRunning { kill(-process, SIGKILL) }
  }

  /// Passes on what it wrote, up to a megabyte, so that one that never pauses leaves time for the others.
  func readErrors(to output: SharedErrorOutput) {
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    for _ in 0..<16 where errors >= 0 {
      let count = read(errors, &bytes, bytes.count)
      if count > 0 {
        text.take(bytes.prefix(count), to: output)
      } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
        closeErrors()
      } else if errno == EAGAIN {
        return
      }
    }
  }

  /// Notices the worker's end, passes on its last words and ends what it left behind.
  ///
  /// - Returns: whether it ended since the last call.
  func noticeEnd(_ output: SharedErrorOutput) -> Bool {
    guard isRunning, hasEnded else { return false }
    // Before it is waited for: until then its number, which is its group's, belongs to nobody else.
    kill(-process, SIGKILL)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    ending = WorkerEnding(status: status)
    readErrors(to: output)
    text.end(output)
    closeErrors()
    reason = WorkerReport.read(from: report)
    return true
  }

  private var hasEnded: Bool {
    var information = siginfo_t()
    let code = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
    return code == 0 && information.si_signo == SIGCHLD
  }

  private func closeErrors() {
    if errors >= 0 { close(errors) }
    errors = -1
  }

  private static func spawn(
    _ executable: String, _ arguments: [String], _ environment: [String: String], output: Int32, errors: Int32,
    report: Int32, cores: [Int], _ child: inout pid_t, _ step: inout UnsafePointer<CChar>?
  ) -> Int32 {
    var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer {
      for text in argv + variables { free(text) }
    }
    return executable.withCString { path in
      cores.map(Int32.init).withUnsafeBufferPointer { cores in
        argv.withUnsafeMutableBufferPointer { argv in
          variables.withUnsafeMutableBufferPointer { variables in
            var start = linux_start(
              executable: path, arguments: argv.baseAddress, environment: variables.baseAddress, output: output,
              errors: errors, report: report, cores: cores.baseAddress, core_count: cores.count)
            return linux_spawn(&start, &child, &step)
          }
        }
      }
    }
  }
}
