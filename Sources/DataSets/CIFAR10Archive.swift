import Foundation

/// The official archive of CIFAR-10's binary form: downloaded or given, checked and unpacked.
///
/// `curl` transfers, `sha256sum` checks and `tar` unpacks; every Debian has them or offers them. An interrupted download
/// goes on where it stopped.
public struct CIFAR10Archive: Sendable {
  /// Where the archive is downloaded from.
  public let source: URL
  /// SHA-256 of the archive, in lower-case hexadecimal digits.
  public let sha256: String
  /// Size of the archive in bytes.
  public let byteCount: Int
  private let searchPath: String

  /// The archive that the data set's authors publish. Size and SHA-256 are those recorded by TensorFlow Datasets; the
  /// file has the MD5 given on the authors' page, c32a1d4ab5d03f1284b67883e8d87530.
  public static let official = CIFAR10Archive(
    source: URL(string: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")!,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", byteCount: 170_052_171)

  /// Describes an archive with the same contents from another place.
  ///
  /// - Parameter searchPath: folders that hold `curl`, `sha256sum` and `tar`, separated by colons; those of the
  ///   environment's PATH when nil.
  public init(source: URL, sha256: String, byteCount: Int, searchPath: String? = nil) {
    self.source = source
    self.sha256 = sha256
    self.byteCount = byteCount
    self.searchPath = searchPath ?? ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
  }

  /// What `install` is doing.
  public enum Progress: Sendable, Equatable {
    case downloading(bytes: Int, of: Int)
    case verifying
    case unpacking
  }

  /// Whether `install` had anything to do.
  public enum Outcome: Sendable, Equatable {
    case installed
    case alreadyThere
  }

  /// Puts `cifar-10-batches-bin` into a folder, which is created if need be. A complete one is left as it is.
  ///
  /// - Parameters:
  ///   - archive: a local copy of the archive, used instead of a download.
  ///   - onProgress: called on this thread.
  /// - Throws: `DataSetError` without network, curl or tar, on a full disk, and when the archive is not the expected
  ///   one.
  @discardableResult
  public func install(
    into directory: URL, from archive: URL? = nil, onProgress: (Progress) -> Void = { _ in }
  ) throws -> Outcome {
    let folder = directory.appendingPathComponent(CIFAR10.folderName)
    if try FileSystem.kind(of: folder.path) != .missing {
      do {
        try Self.check(folder)
      } catch {
        throw DataSetError("\(error); to begin again, remove \(folder.path) first")
      }
      return .alreadyThere
    }
    if let archive {
      try verifyLocal(archive, onProgress)
      try FileSystem.createFolder(directory.path)
      try unpack(archive.path, into: directory, onProgress)
    } else {
      try FileSystem.createFolder(directory.path)
      let download = directory.path + "/cifar-10-binary.tar.gz.partial"
      try fetch(to: download, onProgress)
      try unpack(download, into: directory, onProgress)
      try FileSystem.remove(download)
    }
    return .installed
  }

  private static func check(_ folder: URL) throws {
    for split in DataSetSplit.labeled { _ = try CIFAR10(folder, split: split) }
  }

  // MARK: - Download

  private func fetch(to path: String, _ onProgress: (Progress) -> Void) throws {
    let present = FileSystem.size(of: path) ?? 0
    if present > byteCount { try FileSystem.remove(path) }
    if present != byteCount {
      var status = try curl(to: path, onProgress)
      if status.resumeRefused {
        // The server cannot send a part: from the beginning, then.
        try FileSystem.remove(path)
        status = try curl(to: path, onProgress)
      }
      if let message = status.message { throw DataSetError(message) }
    }
    onProgress(.verifying)
    let size = FileSystem.size(of: path) ?? 0
    let sum = try checksum(of: path)
    guard sum == sha256 else {
      try FileSystem.remove(path)
      throw DataSetError(
        "\(source.absoluteString): expected \(byteCount) bytes with SHA-256 \(sha256), got \(size) with \(sum); the "
          + "download was damaged and is removed: run again, or give the archive with --from")
    }
  }

  private func curl(
    to path: String, _ onProgress: (Progress) -> Void
  ) throws -> (message: String?, resumeRefused: Bool) {
    let program = ChildProcess(
      program: "curl",
      arguments: [
        "--fail", "--location", "--silent", "--show-error", "--continue-at", "-", "--connect-timeout", "30",
        // A connection that has died without saying so is given up after a minute.
        "--speed-limit", "1", "--speed-time", "60", "--output", path, source.absoluteString,
      ], searchPath: searchPath)
    func report() { onProgress(.downloading(bytes: FileSystem.size(of: path) ?? 0, of: byteCount)) }
    guard let result = try program.run(whileRunning: report) else {
      throw DataSetError(
        "curl is not installed, and downloads CIFAR-10: install it (apt-get install curl), or download "
          + "\(source.absoluteString) yourself and give it with --from")
    }
    report()
    let kept = (FileSystem.size(of: path) ?? 0) > 0 ? "; what has come is kept, run again to go on" : ""
    switch result.status {
    case 0: return (nil, false)
    case 33, 36: return ("cannot resume the download of \(source.absoluteString): \(result.reason)", true)
    case 5, 6, 7, 28, 35, 52, 55, 56, 18:
      return (
        "cannot download \(source.absoluteString): \(result.reason). Check the network\(kept), or give the archive with "
          + "--from", false
      )
    case 23:
      return ("cannot write \(path): \(result.reason). Check the space left on its disk\(kept)", false)
    default:
      return (
        "cannot download \(source.absoluteString): \(result.reason)\(kept), or give the archive with --from", false
      )
    }
  }

  // MARK: - Check and unpack

  private func verifyLocal(_ archive: URL, _ onProgress: (Progress) -> Void) throws {
    switch try FileSystem.kind(of: archive.path) {
    case .file: break
    case .missing: throw DataSetError("\(archive.path): no such file; expected CIFAR-10's cifar-10-binary.tar.gz")
    case .folder:
      throw DataSetError("\(archive.path) is a folder; expected CIFAR-10's archive, cifar-10-binary.tar.gz")
    }
    let advice = "it is incomplete, or not the binary version from \(source.absoluteString)"
    let size = FileSystem.size(of: archive.path) ?? 0
    guard size == byteCount else {
      throw DataSetError("\(archive.path): expected \(byteCount) bytes, got \(size): \(advice)")
    }
    onProgress(.verifying)
    let sum = try checksum(of: archive.path)
    guard sum == sha256 else {
      throw DataSetError("\(archive.path): expected SHA-256 \(sha256), got \(sum): \(advice)")
    }
  }

  private func checksum(of path: String) throws -> String {
    let program = ChildProcess(program: "sha256sum", arguments: ["--binary", "--", path], searchPath: searchPath)
    guard let result = try program.run() else {
      throw DataSetError("sha256sum is not installed, and checks the archive: apt-get install coreutils")
    }
    guard result.status == 0 else { throw DataSetError("cannot check \(path): \(result.reason)") }
    // A name with a backslash or line end makes sha256sum begin the line with a backslash.
    return String(result.output.drop { $0 == "\\" }.prefix(64))
  }

  /// Unpacks beside the final place and renames what is complete.
  private func unpack(_ archive: String, into directory: URL, _ onProgress: (Progress) -> Void) throws {
    onProgress(.unpacking)
    let partial = directory.appendingPathComponent(CIFAR10.folderName + ".partial")
    try FileSystem.remove(partial.path)
    do {
      try FileSystem.createFolder(partial.path)
      let program = ChildProcess(
        program: "tar", arguments: ["-xzf", archive, "--no-same-owner", "--directory", partial.path],
        searchPath: searchPath)
      guard let result = try program.run() else {
        throw DataSetError("tar is not installed, and unpacks the archive: apt-get install tar gzip")
      }
      guard result.status == 0 else {
        if result.errors.contains("No space left") {
          throw FileSystem.failure("unpack CIFAR-10 to", directory.path, code: ENOSPC)
        }
        throw DataSetError("cannot unpack \(archive): \(result.reason)")
      }
      let folder = partial.appendingPathComponent(CIFAR10.folderName)
      try Self.check(folder)
      try FileSystem.rename(folder.path, to: directory.appendingPathComponent(CIFAR10.folderName).path)
      try FileSystem.remove(partial.path)
    } catch {
      // The reason to stop matters more than whether cleaning up works: a later run begins by doing it again.
      try? FileSystem.remove(partial.path)
      throw error
    }
  }
}
