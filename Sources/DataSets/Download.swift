import CDownload
import Foundation

/// Fetches a file over the network by libcurl, and goes on with one that was begun.
struct Download {
  let source: URL
  let path: String

  /// Fetches what is missing of the file.
  ///
  /// - Parameter onProgress: Told now and then how many bytes of it there are.
  /// - Throws: `DataSetError` when it cannot be had; what has come is kept for the next time.
  func run(onProgress: (Int) -> Void) throws {
    let (outcome, reason) = fetch(goingOnFrom: present, onProgress)
    if outcome == CDOWNLOAD_NOT_RESUMED {
      // The server cannot send a part: from the beginning, then.
      try FileSystem.remove(path)
      try confirm(fetch(goingOnFrom: 0, onProgress))
    } else {
      try confirm((outcome, reason))
    }
    onProgress(present)
  }

  /// Bytes of the file that there are.
  private var present: Int { FileSystem.size(of: path) ?? 0 }

  private func fetch(goingOnFrom start: Int, _ onProgress: (Int) -> Void) -> (outcome: Int, reason: String) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CDOWNLOAD_ERROR_SIZE)) { text in
      withoutActuallyEscaping(onProgress) { onProgress in
        withUnsafePointer(to: onProgress) { progress in
          let outcome = cdownload_fetch(
            source.absoluteString, path, Int64(start),
            { context, bytes in context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(bytes)) },
            UnsafeMutableRawPointer(mutating: progress), text.baseAddress!)
          return (Int(outcome), outcome == 0 ? "" : String(cString: text.baseAddress!))
        }
      }
    }
  }

  private func confirm(_ result: (outcome: Int, reason: String)) throws {
    let address = source.absoluteString
    let kept = present > 0 ? "; what has come is kept, run again to go on" : ""
    switch result.outcome {
    case CDOWNLOAD_DONE: return
    case CDOWNLOAD_NO_LIBRARY:
      throw DataSetError(
        "\(result.reason), and downloads CIFAR-10",
        advice:
          "install it (apt-get install libcurl4), or download \(address) yourself and give it\(ifNamed: .archiveAtHand, after: " with ")"
      )
    case CDOWNLOAD_NO_CONNECTION:
      throw DataSetError(
        "cannot download \(address): \(result.reason). Check the network\(kept), or give the archive\(ifNamed: .archiveAtHand, after: " with ")"
      )
    case CDOWNLOAD_NOT_WRITTEN:
      throw DataSetError("cannot write \(path): \(result.reason). Check the space left on its disk\(kept)")
    default:
      throw DataSetError(
        "cannot download \(address): \(result.reason)\(kept), or give the archive\(ifNamed: .archiveAtHand, after: " with ")"
      )
    }
  }
}
