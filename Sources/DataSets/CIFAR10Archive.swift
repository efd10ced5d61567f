import CDigest
import CDownload
import Foundation

/// The official archive of CIFAR-10's binary form: downloaded or given, checked and unpacked.
///
/// An interrupted download goes on where it stopped. Of the archive only CIFAR-10's own files are unpacked, under the names
/// that they have in their folder.
public struct CIFAR10Archive: Sendable {
  /// Where the archive is downloaded from.
  public let source: URL
  /// SHA-256 of the archive, in lower-case hexadecimal digits.
  public let sha256: String
  /// Size of the archive in bytes.
  public let byteCount: Int

  /// The archive that the data set's authors publish. Size and SHA-256 are those recorded by TensorFlow Datasets; the
  /// file has the MD5 given on the authors' page, c32a1d4ab5d03f1284b67883e8d87530.
  public static let official = CIFAR10Archive(
    source: URL(string: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")!,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", byteCount: 170_052_171)

  /// Describes an archive with the same contents from another place.
  public init(source: URL, sha256: String, byteCount: Int) {
    self.source = source
    self.sha256 = sha256
    self.byteCount = byteCount
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
  /// - Throws: `DataSetError` without network or libcurl, on a full disk, and when the archive is not the expected one.
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
      try Download(source: source, path: path).run { onProgress(.downloading(bytes: $0, of: byteCount)) }
    }
    onProgress(.verifying)
    let size = FileSystem.size(of: path) ?? 0
    let sum = try checksum(of: path)
    guard sum == sha256 else {
      try FileSystem.remove(path)
      throw DataSetError(
        "\(source.absoluteString)", expected: "\(byteCount) bytes with SHA-256 \(sha256)", got: "\(size) with \(sum)",
        advice:
          "the download was damaged and is removed: run again, or give the archive\(ifNamed: .archiveAtHand, after: " with ")"
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
    guard let hash = cdigest_sha256_create() else { throw DataSetError("cannot check \(path): no memory") }
    defer { cdigest_sha256_free(hash) }
    let file = try ArchiveFile(path)
    let piece = 1 << 20
    for start in stride(from: 0, to: file.size, by: piece) {
      let bytes = try file.read(min(piece, file.size - start), at: start)
      _ = cdigest_sha256_add(hash, bytes, bytes.count)
    }
    var digest = [UInt8](repeating: 0, count: Int(CDIGEST_SHA256_BYTES))
    guard cdigest_sha256_finish(hash, &digest) else {
      throw DataSetError("cannot check \(path): no SHA-256 in libcrypto")
    }
    return digest.map { String(format: "%02x", $0) }.joined()
  }

  private func unpack(_ archive: String, into directory: URL, _ onProgress: (Progress) -> Void) throws {
    onProgress(.unpacking)
    let partial = directory.appendingPathComponent(CIFAR10.folderName + ".partial")
    try FileSystem.remove(partial.path)
    do {
      try FileSystem.createFolder(partial.path)
      let expanded = partial.path + "/archive.tar"
      try expand(archive, to: expanded)
      let folder = partial.appendingPathComponent(CIFAR10.folderName)
      try FileSystem.createFolder(folder.path)
      try copyFiles(of: expanded, to: folder)
      try FileSystem.remove(expanded)
      try Self.check(folder)
      try FileSystem.rename(folder.path, to: directory.appendingPathComponent(CIFAR10.folderName).path)
      try FileSystem.remove(partial.path)
    } catch {
      // The reason to stop matters more than whether cleaning up works: a later run begins by doing it again.
      try? FileSystem.remove(partial.path)
      throw error
    }
  }

  private func expand(_ archive: String, to path: String) throws {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CDOWNLOAD_ERROR_SIZE)) { text in
      switch Int(cdownload_expand(archive, path, text.baseAddress!)) {
      case CDOWNLOAD_EXPANDED: return
      case CDOWNLOAD_DAMAGED:
        throw DataSetError("cannot unpack \(archive): \(String(cString: text.baseAddress!))")
      default: throw FileSystem.failure("unpack CIFAR-10 to", path, code: errno)
      }
    }
  }

  /// Files elsewhere than in CIFAR-10's folder stay in the archive.
  private func copyFiles(of archive: String, to folder: URL) throws {
    let file = try ArchiveFile(archive)
    for entry in try TarArchive(archive).entries {
      let path = entry.name.split(separator: "/").filter { $0 != "." }
      guard path.count == 2, path[0] == CIFAR10.folderName, path[1] != ".." else { continue }
      try FileSystem.write(file.read(entry.size, at: entry.offset), to: folder.path + "/" + path[1])
    }
  }
}
