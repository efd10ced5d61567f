import Foundation

/// A fixed number of plain threads that run the same body, and can be waited for.
package final class WorkerThreads {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var threads: [pthread_t] = []

  /// Starts `count` threads. When the system gives fewer, those that started go on.
  ///
  /// - Throws: `DataSetError` when not even one could be started.
  package init(count: Int, _ body: @escaping @Sendable () -> Void) throws {
    precondition(count >= 1, "WorkerThreads: expected at least 1 thread, got \(count)")
    for _ in 0..<count {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(Body(body))
      let code = pthread_create(
        &thread, nil,
        { box in
          Unmanaged<Body>.fromOpaque(box!).takeRetainedValue().run()
          return nil
        }, box.toOpaque())
      guard code == 0 else {
        box.release()
        if !threads.isEmpty { break }
        throw DataSetError(
          "cannot start a thread to load images: \(String(cString: strerror(code))); stop other programs or raise the "
            + "limit on processes (ulimit -u)")
      }
      threads.append(thread)
    }
  }

  /// Waits until every thread has ended. To be called once, and from none of them.
  package func join() {
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}
