import Foundation
import Pretraining
import Testing

@Suite struct MetricsLogTests {
  private let file = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)")

  /// Has no file of this process grow beyond `bytes` while `body` runs, as if the disk were full.
  private func withFullDisk<Result>(beyond bytes: Int, _ body: () throws -> Result) throws -> Result {
    let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    let handler = signal(SIGXFSZ, SIG_IGN)
    var before = rlimit()
    getrlimit(resource, &before)
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: before.rlim_max)
    setrlimit(resource, &limit)
    defer {
      setrlimit(resource, &before)
      signal(SIGXFSZ, handler)
    }
    return try body()
  }

  private func lines() throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  @Test("lines that a full disk does not take wait, whole and in order, for there to be room")
  func fullDisk() throws {
    defer { try? FileManager.default.removeItem(at: file) }
    let log = try MetricsLog(file, completedSteps: 0)
    #expect(try log.append(["step": 1]) == nil)
    let before = try lines()
    let size = try Data(contentsOf: file).count
    // Half of a line would fit.
    let troubles = try withFullDisk(beyond: size + 5) { try [2, 3].map { try log.append(["step": $0]) } }
    #expect(troubles == ["cannot write \(file.path): File too large", nil])
    #expect(try lines() == before)
    let error = #expect(throws: RunError.self) { try withFullDisk(beyond: size + 5) { try log.finish() } }
    #expect(error?.description == "cannot write \(file.path): File too large")
    #expect(try log.append(["step": 4]) == nil)
    #expect(try lines() == before + ["{\"step\":2}", "{\"step\":3}", "{\"step\":4}"])
    #expect(throws: Never.self) { try log.finish() }
  }
}
