import Foundation
import Launching

extension RunFolder {
  /// What whoever writes the run holds.
  var lockURL: URL { url.appendingPathComponent("lock") }

  /// Keeps every other process from writing this run, until the lock is let go or this process ends. The folder must be
  /// there.
  ///
  /// - Returns: the lock; or where the file system knows none, why.
  /// - Throws: ``RunError`` saying who writes the run.
  func lock() throws -> (lock: FileLock?, warning: String?) {
    do {
      return (try FileLock(at: lockURL), nil)
    } catch FileLock.Refusal.held(let holder) {
      let who = holder.map { "process \($0.process) on \($0.host), since \($0.since)" } ?? "another process"
      throw RunError(
        "\(url.path) is being written by \(who)",
        advice: "wait until that ends, or choose another folder\(hint: .runFolder)", isWrongUsage: true)
    } catch FileLock.Refusal.unknownToFileSystem(let reason) {
      return (nil, "cannot lock \(lockURL.path): \(reason). See to it that no other process writes this run")
    } catch FileLock.Refusal.unwritable(let reason) {
      throw RunError("cannot write \(lockURL.path): \(reason)")
    }
  }
}
