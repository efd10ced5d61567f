import Foundation
import Torch

/// The SHA-256 hashes of files in a folder, kept there in the form of `sha256sum`: `sha256sum -c SHA256SUMS` checks them, too.
struct Checksums {
  static let fileName = "SHA256SUMS"

  private var hashes: [(name: String, hash: String)] = []

  init() {}

  /// Writes a file and notes the hash of what was meant to be written, whatever the disk makes of it.
  ///
  /// - Parameter body: writes to the address that it is given, and shows what it writes.
  mutating func noting(
    _ name: String, in folder: URL, _ body: (URL, _ showing: @escaping (UnsafeRawBufferPointer) -> Void) throws -> Void
  ) throws {
    let hash = SHA256()
    try body(folder.appendingPathComponent(name)) { hash.add($0) }
    hashes.append((name, hash.finished()))
  }

  /// Writes the hashes.
  func write(in folder: URL) throws {
    let text = hashes.map { "\($0.hash)  \($0.name)\n" }.joined()
    try DurableFile.write(Data(text.utf8), to: folder.appendingPathComponent(Self.fileName))
  }

  /// The hashes that a folder has; nil in one that was written before there were any.
  ///
  /// - Throws: `TorchError` when the disk gives errors.
  init?(of folder: URL) throws {
    guard let data = try StoredFile.contents(of: folder.appendingPathComponent(Self.fileName), atMost: 1 << 16) else {
      return nil
    }
    hashes = String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
      (String(line.dropFirst(66)), String(line.prefix(64)))
    }
  }

  /// What is wrong with one of the files, in words that go on from the folder's name; nil when it is what was written.
  ///
  /// - Throws: `TorchError` when the disk gives errors.
  func damage(to name: String, in folder: URL) throws -> String? {
    guard let expected = hashes.first(where: { $0.name == name })?.hash else { return "\(Self.fileName) lacks \(name)" }
    let url = folder.appendingPathComponent(name)
    guard try StoredFile.exists(url) else { return "\(name) is missing" }
    return try SHA256.ofFile(url) == expected
      ? nil : "\(name) is not what was written (its SHA-256 differs from \(Self.fileName))"
  }
}
