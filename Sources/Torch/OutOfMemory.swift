import Foundation
import Synchronization

/// Runs `body`. When memory runs out meanwhile, `lastWords` are called with the error before the process ends.
///
/// Operations of tensors do not throw, and what they were part of cannot be unwound: the process ends where memory ran out
/// (``TorchRuntime/whenOutOfMemory(_:)``). What others have to know before, say other processes that wait, is said here.
///
/// - Parameter lastWords: called on the thread that found no memory, at most once. It may need some itself: not much, for what
///   ran out was the size of a tensor.
public func withLastWords<Result>(
  outOfMemory lastWords: @escaping @Sendable (TorchError) -> Void, _ body: () throws -> Result
) rethrows -> Result {
  let entry = OutOfMemory.Entry(lastWords)
  OutOfMemory.entries.withLock { $0.append(entry) }
  defer { OutOfMemory.entries.withLock { $0.removeAll { $0 === entry } } }
  return try body()
}

/// Ends the process because libtorch's last call on this thread found no memory, as operations of tensors do.
package func leaveWithoutMemory(in operation: String) -> Never {
  OutOfMemory.leave(with: .lastOutOfMemory(in: operation))
}

extension TorchRuntime {
  /// Has the process end in a way of its own when memory runs out, after all last words; it traps with the error otherwise.
  ///
  /// - Parameter end: called on the thread that found no memory, while others are at work.
  public static func whenOutOfMemory(_ end: @escaping @Sendable (TorchError) -> Never) {
    OutOfMemory.end.withLock { $0 = end }
  }
}

enum OutOfMemory {
  fileprivate final class Entry: Sendable {
    let thread = pthread_self()
    let lastWords: @Sendable (TorchError) -> Void

    init(_ lastWords: @escaping @Sendable (TorchError) -> Void) { self.lastWords = lastWords }
  }

  /// Of the bodies that run, in the order in which they began.
  fileprivate static let entries = Mutex<[Entry]>([])
  fileprivate static let end = Mutex<@Sendable (TorchError) -> Never>({ fatalError("\($0)") })
  /// The thread that ends the process.
  private static let ending = Mutex<pthread_t?>(nil)

  /// Ends the process, after the last words of those bodies that this thread runs; a thread that runs none works for the one
  /// that began last.
  static func leave(with error: TorchError) -> Never {
    let thread = pthread_self()
    let first = ending.withLock { ending in
      defer { ending = ending ?? thread }
      return ending
    }
    // Another thread has found the same, and says so.
    while let first, first != thread { sleep(1000) }
    if first == nil {
      let all = entries.withLock { $0 }
      let own = all.filter { $0.thread == thread }
      for entry in own.isEmpty ? all.suffix(1) : own.reversed()[...] { entry.lastWords(error) }
    }
    let end = end.withLock { $0 }
    end(error)
  }
}
