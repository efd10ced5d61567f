import Foundation

/// Reading what may not be there. Only what does not exist is absent: a disk that gives errors, a permission that is
/// missing or a network file system that went away must not look like a folder in which nothing was written yet.
package enum StoredFile {
  /// The bytes of a file; nil when it does not exist.
  ///
  /// - Parameter maximum: the most that may be in it, so that no other file than the one meant fills the memory.
  /// - Throws: ``TorchError`` with the path and the reason.
  package static func contents(of url: URL, atMost maximum: Int = .max) throws -> Data? {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return try absence(of: url) }
    defer { close(descriptor) }
    var (data, part) = (Data(), [UInt8](repeating: 0, count: 1 << 20))
    while true {
      let count = read(descriptor, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure(url) }
      guard count > 0 else { return data }
      data.append(contentsOf: part[..<count])
      guard data.count <= maximum else {
        throw TorchError("cannot read \(url.path): expected at most \(maximum) bytes, and it has more")
      }
    }
  }

  /// Whether there is a file or a folder, symbolic links followed.
  ///
  /// - Throws: ``TorchError`` with the path and the reason.
  package static func exists(_ url: URL) throws -> Bool {
    var information = stat()
    return try stat(url.path, &information) == 0 || absence(of: url) != nil
  }

  /// The names in a folder, sorted; none when it does not exist.
  ///
  /// - Throws: ``TorchError`` with the path and the reason.
  package static func names(in folder: URL) throws -> [String] {
    guard try exists(folder) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    } catch {
      throw TorchError("cannot read \(folder.path): \((error as NSError).localizedFailureText)")
    }
  }

  /// Nil where `errno` says that there is no such file.
  private static func absence(of url: URL) throws -> Data? {
    guard errno == ENOENT || errno == ENOTDIR else { throw failure(url) }
    return nil
  }

  private static func failure(_ url: URL) -> TorchError {
    TorchError("cannot read \(url.path): \(String(cString: strerror(errno)))")
  }
}
