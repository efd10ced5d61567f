import Foundation

/// A file that is there whole or not at all: written under a temporary name beside its place, flushed to the disk, then
/// renamed. What was there before stays until the new file is complete.
package enum DurableFile {
  /// Writes what `body` hands to the file.
  ///
  /// - Parameter showing: shown what is written, front to back.
  /// - Throws: ``TorchError`` with the path and the reason (no such folder, disk full, no permission).
  package static func write(
    to url: URL, showing: ((UnsafeRawBufferPointer) -> Void)? = nil, _ body: (FileWriter) throws -> Void
  ) throws {
    let temporary = url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).partial")
    let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TorchError("cannot write \(url.path): \(String(cString: strerror(errno)))") }
    do {
      try body(FileWriter(descriptor: descriptor, path: url.path, showing: showing))
      guard fsync(descriptor) == 0 else { throw failure(url) }
      guard close(descriptor) == 0 else { throw failure(url) }
      guard rename(temporary.path, url.path) == 0 else { throw failure(url) }
    } catch {
      close(descriptor)
      unlink(temporary.path)
      throw error
    }
    synchronizeDirectory(url.deletingLastPathComponent())
  }

  package static func write(_ data: Data, to url: URL, showing: ((UnsafeRawBufferPointer) -> Void)? = nil) throws {
    try write(to: url, showing: showing) { writer in try data.withUnsafeBytes { try writer.write($0) } }
  }

  /// Makes renames in the folder survive a power cut; best effort, since some file systems refuse.
  package static func synchronizeDirectory(_ url: URL) {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private static func failure(_ url: URL) -> TorchError {
    TorchError("cannot write \(url.path): \(String(cString: strerror(errno)))")
  }
}

/// Appends bytes to an open file.
package struct FileWriter {
  fileprivate let descriptor: Int32
  fileprivate let path: String
  fileprivate let showing: ((UnsafeRawBufferPointer) -> Void)?

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    showing?(bytes)
    var offset = 0
    while offset < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      if written < 0 {
        if errno == EINTR { continue }
        throw TorchError("cannot write \(path): \(String(cString: strerror(errno)))")
      }
      offset += written
    }
  }

  package func write(_ data: Data) throws { try data.withUnsafeBytes { try write($0) } }
}
