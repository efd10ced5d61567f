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
    let log = try MetricsLog(file, .metrics, completedSteps: 0)
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

  @Test("a new log says first which schema it has; an old one is gone on with as it is; another one's is refused")
  func schema() throws {
    defer { try? FileManager.default.removeItem(at: file) }
    let head = "{\"program_version\":\"\(SimCLRVersion.current)\",\"schema\":\"simclr.metrics\",\"version\":1}"
    for step in 1...3 { try MetricsLog(file, .metrics, completedSteps: step).append(["step": step]) }
    #expect(try lines() == [head, "{\"step\":1}", "{\"step\":2}", "{\"step\":3}"])
    _ = try MetricsLog(file, .metrics, completedSteps: 1)
    #expect(try lines() == [head, "{\"step\":1}"])
    // Of a program that began the log before this one.
    let other = "{\"schema\":\"simclr.metrics\",\"version\":1}"
    try Data("\(other)\n{\"step\":1}\n".utf8).write(to: file)
    try MetricsLog(file, .metrics, completedSteps: 1).append(["step": 2])
    #expect(try lines() == [other, "{\"step\":1}", "{\"step\":2}"])
    let error = #expect(throws: RunError.self) { try MetricsLog(file, .skippedSteps, completedSteps: 1) }
    #expect(error?.description.contains("has the schema simclr.metrics 1, and this program writes") == true)
    try Data("{\"step\":1}\n{\"step\":2}\n{\"step\":".utf8).write(to: file)
    try MetricsLog(file, .metrics, completedSteps: 2).append(["step": 3])
    #expect(try lines() == ["{\"step\":1}", "{\"step\":2}", "{\"step\":3}"])
  }

  @Test("every line of a training has all of its figures")
  func whole() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=4"), in: run).train()
    let objects = try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects[0]["schema"] as? String == "simclr.metrics" && objects[0]["version"] as? Int == 1)
    let state = try #require(try Checkpoint.latest(in: run)).url.appendingPathComponent("state.json")
    let position = try JSONSerialization.jsonObject(with: Data(contentsOf: state)) as? [String: Any]
    #expect(
      [objects[0], position].map { $0?["program_version"] as? String } == [
        SimCLRVersion.current, SimCLRVersion.current,
      ])
    let steps = objects.filter { $0["loss"] != nil }
    #expect(steps.count == 4)
    for step in steps {
      #expect(
        Set(step.keys) == [
          "data_wait", "epoch", "images_per_second", "learning_rate", "loss", "peak_memory_bytes", "step",
        ])
      #expect(step["images_per_second"] as? Double ?? 0 > 0)
    }
    let epochs = objects.filter { $0["mean_loss"] != nil }
    #expect(epochs.map { Set($0.keys) } == [["epoch", "mean_loss", "seconds", "step"]])
  }
}
