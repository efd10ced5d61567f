import CDigest
import Foundation
import Torch

/// The SHA-256 hash of bytes that come in parts.
package final class SHA256 {
  private let hash: OpaquePointer

  package init() {
    guard let hash = cdigest_sha256_create() else { preconditionFailure("SHA-256: OpenSSL does not offer it") }
    self.hash = hash
  }

  deinit { cdigest_sha256_free(hash) }

  package func add(_ bytes: UnsafeRawBufferPointer) {
    let isAdded = cdigest_sha256_add(hash, bytes.baseAddress, bytes.count)
    precondition(isAdded, "SHA-256: bytes after the end")
  }

  package func add(_ text: some StringProtocol) {
    var text = String(text)
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  /// The hash of all that was added, in 64 hexadecimal digits; nothing can be added after it.
  package func finished() -> String {
    var digest = [UInt8](repeating: 0, count: Int(CDIGEST_SHA256_BYTES))
    let isFinished = cdigest_sha256_finish(hash, &digest)
    precondition(isFinished, "SHA-256: finished twice")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The hash of a file.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  static func ofFile(_ url: URL) throws -> String {
    let file = try RegularFile(url)
    let hash = SHA256()
    let step = 1 << 20
    for start in stride(from: 0, to: file.count, by: step) {
      let part = try file.bytes(start..<min(start + step, file.count))
      part.withUnsafeBytes { hash.add($0) }
    }
    return hash.finished()
  }
}
