import CLinux
import Foundation

/// A lock that one process of all machines can have, until it releases it or ends in whatever way. It is a lock of a file, in
/// which who has it is written for others to read.
public final class FileLock: Sendable {
  /// Who has a lock.
  public struct Holder: Codable, Equatable, Sendable {
    /// The machine's name.
    public var host: String
    /// The number of the process there.
    public var process: Int
    /// When it took the lock, in UTC: `2026-01-31T12:00:00Z`.
    public var since: String

    public init(host: String, process: Int, since: String) {
      (self.host, self.process, self.since) = (host, process, since)
    }
  }

  /// Why there is no lock.
  public enum Refusal: Error, Equatable {
    /// Another has it: nil when who it is cannot be read.
    case held(by: Holder?)
    /// The file system knows no locks.
    case unknownToFileSystem(reason: String)
    /// The file cannot be opened or written.
    case unwritable(reason: String)
  }

  private let descriptor: Int32

  /// Takes the lock, without waiting for it.
  ///
  /// - Parameters:
  ///   - url: the file, which is made if need be and stays.
  ///   - now: the time, for others to read.
  /// - Throws: ``Refusal``.
  public init(at url: URL, now: Date = Date()) throws {
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Refusal.unwritable(reason: String(cString: strerror(errno))) }
    do {
      try Self.lock(descriptor, url)
      try Self.write(
        Holder(host: ProcessInfo.processInfo.hostName, process: Int(getpid()), since: Self.text(of: now)),
        to: descriptor)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  private static func lock(_ descriptor: Int32, _ url: URL) throws {
    switch linux_lock_file(descriptor) {
    case 0: return
    case EAGAIN:
      let text = (try? Data(contentsOf: url)) ?? Data()
      throw Refusal.held(by: try? JSONDecoder().decode(Holder.self, from: text.prefix(4096)))
    case let number: throw Refusal.unknownToFileSystem(reason: String(cString: strerror(number)))
    }
  }

  /// In one write, so that nobody reads half of it.
  private static func write(_ holder: Holder, to descriptor: Int32) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = try encoder.encode(holder) + Data("\n".utf8)
    let written = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    guard written == text.count, ftruncate(descriptor, off_t(text.count)) == 0 else {
      throw Refusal.unwritable(reason: String(cString: strerror(errno)))
    }
  }

  private static func text(of date: Date) -> String {
    date.formatted(.iso8601)
  }
}
