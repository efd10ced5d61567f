import CTorch
import Foundation

extension TorchRuntime {
  /// Runs `body` with each thread of its operations on a core of its own, where there are as many threads as the process
  /// has cores and this is its first thread. Operations cut their work in equal parts: two threads on one core, while
  /// another program has the other, would wait for each other's turns.
  ///
  /// Threads that the calling thread starts meanwhile begin on its core; ``runThreadAnywhere()`` frees them. Users who say
  /// themselves where threads run (`OMP_PROC_BIND`, also `false`, `OMP_PLACES`, `GOMP_CPU_AFFINITY`) are obeyed.
  public static func keepingThreadsToCores<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard !hasVariable("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"), ctorch_threads_keep_to_cores() else {
      return try body()
    }
    defer { ctorch_threads_run_anywhere() }
    return try body()
  }

  /// Lets the calling thread run on all cores. To be called on threads that `body` of ``keepingThreadsToCores(_:)`` starts:
  /// they would stay on the core of the one that started them.
  public static func runThreadAnywhere() { ctorch_thread_runs_anywhere() }

  private static func hasVariable(_ names: String...) -> Bool {
    names.contains { ProcessInfo.processInfo.environment[$0] != nil }
  }
}
