import Foundation

/// A program that is run for what it does, with what it says on standard error kept for messages.
///
/// Foundation's `Process` starts children in a process group of their own, where Ctrl-C does not reach them: a download
/// would go on after its owner was stopped. This one leaves them in the group of the terminal.
struct ChildProcess {
  /// How a program ended.
  struct Result {
    /// Exit status; 128 and the signal's number when a signal ended it.
    let status: Int32
    let output: String
    /// What it wrote to standard error.
    let errors: String

    /// The last line of standard error that says something.
    var reason: String {
      errors.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
        ?? "it ended with status \(status)"
    }
  }

  let program: String
  let arguments: [String]
  /// Folders to find the program in, separated by colons.
  let searchPath: String

  /// Runs the program to its end.
  ///
  /// - Parameter whileRunning: called about twenty times a second meanwhile.
  /// - Returns: nil when there is no such program.
  /// - Throws: `DataSetError` when it cannot be started.
  func run(whileRunning: () -> Void = {}) throws -> Result? {
    guard let executable = Self.find(program, in: searchPath) else { return nil }
    // Files rather than pipes: nobody has to empty them while the program runs.
    guard let output = tmpfile(), let errors = tmpfile() else {
      throw FileSystem.failure("create a temporary file for", program, code: errno)
    }
    defer {
      fclose(output)
      fclose(errors)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, fileno(output), 1)
    posix_spawn_file_actions_adddup2(&actions, fileno(errors), 2)

    // A thread may block signals, and what it starts inherits that: Ctrl-C has to reach the program.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = ProcessInfo.processInfo.environment
    // Messages are searched for known phrases, and read by people who read this program's own in English.
    variables["LC_ALL"] = "C"
    var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer {
      for text in argv + environment { free(text) }
    }
    var child = pid_t()
    let code = posix_spawn(&child, executable, &actions, &attributes, &argv, &environment)
    guard code == 0 else { throw FileSystem.failure("run", executable, code: code) }

    var status: Int32 = 0
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { break }
      if ended < 0, errno != EINTR { throw FileSystem.failure("wait for", executable, code: errno) }
      whileRunning()
      usleep(50_000)
    }
    let signal = status & 0x7f
    return Result(
      status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: Self.contents(output),
      errors: Self.contents(errors))
  }

  private static func find(_ program: String, in searchPath: String) -> String? {
    searchPath.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }

  private static func contents(_ file: UnsafeMutablePointer<FILE>) -> String {
    rewind(file)
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
