import CLinux
import Foundation

/// Tells one who insists that a process ends at once from those who only say again that it has to.
///
/// Schedulers warn by one signal and then by another, launchers pass on what came to all anyway, and a terminal that
/// closes says so twice. Only the same request by hand or by SIGTERM, some time after the first, is meant to cut short what
/// is being saved.
public struct StopRequests {
  /// The signals by which schedulers, terminals and people say that a process will have to end, less those that who
  /// started it wants ignored (`nohup` does SIGHUP).
  public static let signals: [Int32] = {
    var count = 0
    let numbers = linux_stop_signals(&count)!
    return UnsafeBufferPointer(start: numbers, count: count).filter {
      [SIGINT, SIGTERM].contains($0) || linux_signal_is_ignored($0) == 0
    }
  }()

  private static let insistent: Set<Int32> = [SIGINT, SIGTERM, SIGQUIT]
  private static let leastPause = Duration.milliseconds(100)

  private var first: [Int32: ContinuousClock.Instant] = [:]

  public init() {}

  /// Notes a signal.
  ///
  /// - Returns: whether it came before, and insists.
  public mutating func insists(_ signal: Int32, at time: ContinuousClock.Instant = .now) -> Bool {
    guard let before = first[signal] else {
      first[signal] = time
      return false
    }
    return Self.insistent.contains(signal) && before.duration(to: time) >= Self.leastPause
  }
}
