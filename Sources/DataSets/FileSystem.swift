import Foundation
import Images

/// The few file operations that data sets need, with errors that say in one line what to do about them.
package enum FileSystem {
  package enum Kind: Sendable, Equatable {
    case missing
    case file
    case folder
  }

  package struct Entry: Sendable {
    package let name: String
    package let isFolder: Bool
  }

  /// What stands at `path`, symbolic links followed.
  ///
  /// - Throws: `DataSetError` when a folder on the way may not be entered.
  package static func kind(of path: String) throws -> Kind {
    var status = stat()
    guard FileName.withBytes(path, { stat($0, &status) }) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return .missing }
      throw failure("look at", path, code: errno)
    }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }

  /// The entries of a folder in byte order of their names, symbolic links followed. What is no UTF-8 in a name
  /// stands in it as `FileName` says.
  ///
  /// - Throws: `DataSetError` when the folder cannot be read.
  package static func entries(of folder: String, withHidden: Bool = false) throws -> [Entry] {
    guard let stream = FileName.withBytes(folder, { opendir($0) }) else {
      throw failure("read the folder", folder, code: errno)
    }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while let record = readdir(stream) {
      let name = withUnsafeBytes(of: &record.pointee.d_name) { FileName.text($0.prefix { $0 != 0 }) }
      if name == "." || name == ".." || (!withHidden && name.hasPrefix(".")) { continue }
      let isFolder =
        switch Int(record.pointee.d_type) {
        case Int(DT_DIR): true
        case Int(DT_REG): false
        // A link, or a file system that does not say: a broken link counts as a file, and fails when it is read.
        default: (try? kind(of: folder + "/" + name)) == .folder
        }
      entries.append(Entry(name: name, isFolder: isFolder))
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Identity of a folder, to notice symbolic links that lead back to where one came from.
  package static func identity(of path: String) -> [UInt64] {
    var status = stat()
    guard FileName.withBytes(path, { stat($0, &status) }) == 0 else { return [] }
    return [UInt64(status.st_dev), UInt64(status.st_ino)]
  }

  /// Size in bytes, or nil when there is no such file.
  package static func size(of path: String) -> Int? {
    var status = stat()
    return FileName.withBytes(path, { stat($0, &status) }) == 0 ? Int(status.st_size) : nil
  }

  /// Creates a folder and those above it; one that is already there is fine.
  ///
  /// - Throws: `DataSetError` when that is not allowed or the disk is full.
  package static func createFolder(_ path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    if errno == ENOENT, let parent = parent(of: path) {
      try createFolder(parent)
      if mkdir(path, 0o777) == 0 { return }
    }
    let code = errno
    if code == EEXIST, try kind(of: path) == .folder { return }
    throw failure("create the folder", path, code: code)
  }

  /// Writes a whole file.
  ///
  /// - Throws: `DataSetError` when it cannot be created or the disk is full.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("write", path, code: errno) }
    var written = 0
    while written < bytes.count {
      let step = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
      if step < 0 {
        if errno == EINTR { continue }
        let code = errno
        close(descriptor)
        throw failure("write", path, code: code)
      }
      written += step
    }
    guard close(descriptor) == 0 else { throw failure("write", path, code: errno) }
  }

  /// Gives a finished file or folder its final name in one step.
  package static func rename(_ source: String, to destination: String) throws {
    guard Glibc.rename(source, destination) == 0 else {
      throw failure("rename \(source) to", destination, code: errno)
    }
  }

  /// Removes a file, or a folder with all that is in it; nothing there is fine.
  package static func remove(_ path: String) throws {
    guard try kind(of: path) != .missing else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw DataSetError("cannot remove \(path): \(error.localizedDescription)")
    }
  }

  package static func failure(_ action: String, _ path: String, code: Int32) -> DataSetError {
    let reason =
      switch code {
      case ENOSPC, EDQUOT: "no space left on its disk; free some space and run again"
      case EACCES, EPERM: "permission denied; check its owner and mode"
      case EROFS: "it is on a read-only file system; choose another folder"
      default: String(cString: strerror(code))
      }
    return DataSetError("cannot \(action) \(FileName.printable(path)): \(reason)")
  }

  private static func parent(of path: String) -> String? {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/"), slash != trimmed.startIndex else { return nil }
    return String(trimmed[..<slash])
  }
}
