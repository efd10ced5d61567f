import Foundation
import Launching
import Testing

@Suite struct FileLockTests {
  private let file = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)")

  @Test("one has it; the next hears who does, and gets it once it is let go")
  func oneAtATime() throws {
    defer { try? FileManager.default.removeItem(at: file) }
    var first: FileLock? = try FileLock(at: file, now: Date(timeIntervalSince1970: 0))
    let holder = FileLock.Holder(
      host: ProcessInfo.processInfo.hostName, process: Int(getpid()), since: "1970-01-01T00:00:00Z")
    #expect(throws: FileLock.Refusal.held(by: holder)) { try FileLock(at: file) }
    withExtendedLifetime(first) {}
    first = nil
    #expect(throws: Never.self) { try FileLock(at: file) }
  }

  @Test("who had it before is overwritten, however long its name was")
  func overwritten() throws {
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(repeating: 0x78, count: 10_000).write(to: file)
    let lock = try FileLock(at: file)
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(text.hasPrefix("{\"host\":\"") && text.hasSuffix("Z\"}\n") && text.count < 200)
    withExtendedLifetime(lock) {}
  }

  @Test("a file that cannot be opened is told with the reason")
  func unwritable() {
    let nowhere = file.appendingPathComponent("lock")
    #expect(throws: FileLock.Refusal.unwritable(reason: "No such file or directory")) { try FileLock(at: nowhere) }
  }
}
