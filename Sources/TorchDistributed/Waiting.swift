import Dispatch
import Foundation
import Synchronization

/// Runs `body` on a thread of its own and gives its result, nil when it takes longer than `time`: what a process should
/// answer that was stopped or cut off never comes. The thread then waits on by itself.
func result<Value: Sendable>(within time: Duration, of body: @escaping @Sendable () -> Value) -> Value? {
  let mailbox = Mailbox<Value>()
  Thread { mailbox.put(body()) }.start()
  return mailbox.take(within: time)
}

/// The same, nil also when `isVain` becomes true meanwhile.
func result<Value: Sendable>(
  within time: Duration, unless isVain: @autoclosure () -> Bool, of body: @escaping @Sendable () -> Value
) -> Value? {
  let mailbox = Mailbox<Value>()
  Thread { mailbox.put(body()) }.start()
  let deadline = ContinuousClock.now + time
  while ContinuousClock.now < deadline, !isVain() {
    if let value = mailbox.take(within: .milliseconds(20)) { return value }
  }
  return nil
}

/// A value that one thread leaves for another.
private final class Mailbox<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let arrival = DispatchSemaphore(value: 0)

  func put(_ value: Value) {
    self.value.withLock { $0 = value }
    arrival.signal()
  }

  func take(within time: Duration) -> Value? {
    guard arrival.wait(timeout: .now() + .milliseconds(Int(time.milliseconds))) == .success else { return nil }
    return value.withLock { $0 }
  }
}

extension Duration {
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
  var wholeSeconds: Int64 { components.seconds }
}
