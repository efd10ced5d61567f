import Foundation

/// Text for people, written by a thread of its own, so that a reader who stalls (a pager, a terminal that was told to stop)
/// holds up neither training nor supervision. Of what he does not take in time a megabyte is kept; what goes beyond it is
/// left out, and he is told how many lines that were.
public final class BackgroundOutput: @unchecked Sendable {
  /// For what goes to standard error.
  public static let standardError = BackgroundOutput(STDERR_FILENO)
  /// For progress on standard output. Results do not go this way: they must be whole.
  public static let standardOutput = BackgroundOutput(STDOUT_FILENO)

  private let descriptor: Int32
  private let capacity: Int
  /// Guards what follows, and is signaled when it changes.
  private let condition = NSCondition()
  private var waiting: [UInt8] = []
  /// Whether the thread has taken bytes that it has not written yet.
  private var isWriting = false
  private var hasThread = false
  private var leftOutLines = 0

  /// - Parameter capacity: bytes that may wait.
  public init(_ descriptor: Int32, capacity: Int = 1 << 20) {
    (self.descriptor, self.capacity) = (descriptor, capacity)
  }

  /// Has bytes written, at some time after those before them. It never waits.
  public func write(_ bytes: some Collection<UInt8>) {
    condition.lock()
    defer { condition.unlock() }
    guard waiting.count + bytes.count <= capacity else {
      leftOutLines += bytes.count { $0 == UInt8(ascii: "\n") }
      return
    }
    if leftOutLines > 0 {
      waiting += "[\(leftOutLines) lines were left out here, since nobody read them in time]\n".utf8
      leftOutLines = 0
    }
    waiting += bytes
    startThread()
    condition.broadcast()
  }

  /// Has a text written.
  public func write(_ text: String) { write(Array(text.utf8)) }

  /// Waits until all is written, or so long.
  public func finish(within longest: Duration? = nil) {
    condition.lock()
    defer { condition.unlock() }
    let end = longest.map { ContinuousClock.now + $0 }
    while isWriting || !waiting.isEmpty {
      guard let end else {
        condition.wait()
        continue
      }
      guard ContinuousClock.now < end else { return }
      let left = ContinuousClock.now.duration(to: end).components
      _ = condition.wait(until: Date(timeIntervalSinceNow: Double(left.seconds) + Double(left.attoseconds) * 1e-18))
    }
  }

  private func startThread() {
    guard !hasThread else { return }
    hasThread = true
    let thread = Thread { [self] in
      // Where nobody reads any more, writing fails, and ends nothing.
      var ends = sigset_t()
      sigemptyset(&ends)
      sigaddset(&ends, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &ends, nil)
      while true { writeAll(take()) }
    }
    thread.name = "output"
    thread.start()
  }

  private func take() -> [UInt8] {
    condition.lock()
    defer { condition.unlock() }
    isWriting = false
    condition.broadcast()
    while waiting.isEmpty { condition.wait() }
    isWriting = true
    defer { waiting = [] }
    return waiting
  }

  /// Nobody to read is no reason to end a training: what cannot be written is lost.
  private func writeAll(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress!, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }
}
