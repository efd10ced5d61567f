import Foundation
import Synchronization

/// Memory of batches that is used again: fresh memory costs more time to be filled than its images take to be made, for
/// the system clears every page of it.
///
/// Safe to use from many threads. What is still lent out when the pool goes is freed when it comes back.
final class BatchMemory: Sendable {
  private struct State: @unchecked Sendable {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
  }

  private let kept: Int
  private let state = Mutex(State())

  /// - Parameter kept: Pieces of a size that wait at most; more are given back to the system.
  init(kept: Int) { self.kept = kept }

  deinit {
    state.withLock { for piece in $0.free.values.joined() { Glibc.free(piece) } }
  }

  /// A piece of that many bytes, at least 1; whatever is in it.
  ///
  /// - Throws: `LoadingError` when the system has no such memory.
  func take(bytes: Int) throws -> UnsafeMutableRawPointer {
    if let piece = state.withLock({ $0.free[bytes]?.popLast() }) { return piece }
    let hugePage = 2 << 20
    var piece: UnsafeMutableRawPointer?
    guard posix_memalign(&piece, bytes >= hugePage ? hugePage : 64, bytes) == 0, let piece else {
      throw LoadingError(
        "no memory for the views of a batch (\(bytes >> 20) MiB each)",
        advice: "use a smaller batch\(hint: .globalBatchSize) or smaller views\(hint: .imageSize)")
    }
    if bytes >= hugePage { madvise(piece, bytes, MADV_HUGEPAGE) }
    return piece
  }

  /// Takes a piece back.
  func give(_ piece: UnsafeMutableRawPointer, bytes: Int) {
    let isKept = state.withLock { state in
      guard state.free[bytes, default: []].count < kept else { return false }
      state.free[bytes, default: []].append(piece)
      return true
    }
    if !isKept { Glibc.free(piece) }
  }
}
