import CLinux
import Foundation

/// The signals that come to this process, in a descriptor that `poll` can wait for. One at a time in a process.
final class SignalPipe {
  /// Becomes readable when signals came.
  let descriptor: Int32
  private let writeEnd: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    var code = linux_pipe(&ends)
    if code == 0 { code = linux_signals_watch(ends[1]) }
    guard code == 0 else { throw LaunchError("cannot catch signals: \(String(cString: strerror(code)))") }
    (descriptor, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    linux_signals_restore()
    close(descriptor)
    close(writeEnd)
  }

  /// The signals that came since, in their order, without those that only tell of a child.
  func take() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 512)
    var signals: [Int32] = []
    while true {
      let count = read(descriptor, &bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return signals }
      signals += bytes.prefix(count).map(Int32.init).filter { $0 != SIGCHLD }
    }
  }
}
