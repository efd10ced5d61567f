import Foundation

/// How a worker ended.
enum WorkerEnding: Equatable {
  case exited(Int32)
  case killed(signal: Int32)

  /// The exit code of a worker that was stopped by a signal and saved a checkpoint first (EX_TEMPFAIL).
  static let stoppedCode: Int32 = 75

  /// Reads what `waitpid` gives.
  init(status: Int32) {
    let signal = status & 0x7f
    self = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
  }

  var isFailure: Bool { self != .exited(0) && self != .exited(Self.stoppedCode) }

  /// Whether it found configuration or arguments wrong.
  var isWrongUsage: Bool { self == .exited(2) }

  /// The program's exit codes for failures.
  var failureCode: Int32 { isWrongUsage ? 2 : 1 }

  var isKill: Bool { if case .killed = self { true } else { false } }

  /// What happened to `worker`, and why.
  func explanation(of worker: Wording, reason: Explanation?) -> Explanation {
    switch self {
    case .exited(let code):
      return (reason ?? Explanation("it ended with exit code \(code) and gave no reason")).about(worker)
    case .killed(let signal):
      let what: Wording = "\(worker) was killed by \(Self.name(signal)) (signal \(signal))"
      return reason?.about(what) ?? Explanation(what, advice: Self.hint(signal))
    }
  }

  private static func hint(_ signal: Int32) -> Wording? {
    switch signal {
    case SIGKILL: "out of memory? The kernel's log (dmesg) names what it killed for lack of it"
    case SIGBUS: "a file that shrank while it was read, or a full /dev/shm?"
    case SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP: "a crash; what it wrote last is above"
    default: nil
    }
  }

  static func name(_ signal: Int32) -> String {
    let names = [
      SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
      SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
      SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
      SIGXCPU: "SIGXCPU", SIGPWR: "SIGPWR", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
    ]
    return names[signal] ?? "a signal"
  }
}
