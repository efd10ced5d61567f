import Foundation
import Methods
import Pretraining
import Testing
import Torch

/// What becomes of a run whose folder is not as it was left.
@Suite struct RunFolderTests {
  private let fixture: TrainingFixture
  private let run: RunFolder

  init() throws {
    fixture = try TrainingFixture()
    run = fixture.run("run")
  }

  private var latest: URL { run.checkpointsURL.appendingPathComponent("latest") }

  private func checkpoint(_ step: Int) -> URL {
    run.checkpointsURL.appendingPathComponent("step-0000000\(step)")
  }

  /// Trains for so many steps, with a checkpoint after each third one and after the last.
  private func train(to steps: Int, _ overrides: String...) throws {
    _ = try Pretraining.start(try configuration(to: steps, overrides), in: run).train()
  }

  private func resume(to steps: Int, _ overrides: String...) throws -> (outcome: Pretraining.Outcome, repair: String?) {
    var repair: String?
    let outcome = try Pretraining.resume(try configuration(to: steps, overrides), in: run).train {
      if case .repaired(let text) = $0 { repair = text }
    }
    return (outcome, repair)
  }

  private func configuration(to steps: Int, _ overrides: [String]) throws -> ResolvedConfiguration {
    let all = ["training.maximum_steps=\(steps)", "output.checkpoint_every_steps=3"] + overrides
    return try Configuration(yaml: fixture.configuration().yaml(), overrides: all).resolved()
  }

  private func lines() throws -> Int {
    try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n").count { $0.contains("\"loss\"") }
  }

  @Test("a run whose `latest` is lost goes on from the newest checkpoint, and never begins anew")
  func lostLatest() throws {
    defer { fixture.remove() }
    try train(to: 8)
    try FileManager.default.removeItem(at: latest)
    let refusal = #expect(throws: RunError.self) { try run.encoder() }
    #expect(refusal?.description.hasPrefix("\(latest.path) is missing, though there are checkpoints. Resume") == true)
    let (outcome, repair) = try resume(to: 2)
    #expect(outcome == .finished(step: 8))
    #expect(
      repair
        == "\(latest.path) is missing, though there are checkpoints; going on from step-00000008, the newest whole one")
    #expect(try lines() == 8)
    #expect(try Checkpoint.latest(in: run)?.position.step == 8)
    #expect(try resume(to: 9).outcome == .finished(step: 9))
  }

  @Test(
    "what `latest` may hold instead of a checkpoint leads to the newest whole one",
    arguments: ["", "\n", "step-00000007\n", ".step-00000009.partial", "../checkpoints/step-00000003", "step-00000008"])
  func wrongLatest(text: String) throws {
    defer { fixture.remove() }
    try train(to: 8)
    try Data(text.utf8).write(to: latest)
    // The newest is cut off, so that the one before it counts.
    let model = checkpoint(8).appendingPathComponent("model.safetensors")
    try Data(Data(contentsOf: model).prefix(300)).write(to: model)
    try FileManager.default.removeItem(at: checkpoint(8).appendingPathComponent("state.json"))
    let (outcome, repair) = try resume(to: 9)
    #expect(outcome == .finished(step: 9))
    #expect(repair?.contains("; going on from step-00000006, the newest whole one") == true)
    #expect(try lines() == 9)
  }

  @Test("an error of the disk is no absence: nothing is begun anew, nothing is written")
  func unreadableLatest() throws {
    defer { fixture.remove() }
    try train(to: 8)
    // A link to itself gives an error to everybody, root included.
    for file in [latest, run.metricsURL, run.configurationURL] {
      let kept = file.appendingPathExtension("kept")
      try FileManager.default.moveItem(at: file, to: kept)
      try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: file.path)
      let error = #expect(throws: (any Error).self) { try resume(to: 9) }
      #expect("\(error!)".contains("\(file.path): Too many levels of symbolic links"))
      try FileManager.default.removeItem(at: file)
      try FileManager.default.moveItem(at: kept, to: file)
    }
    #expect(try lines() == 8)
    #expect(try resume(to: 9).outcome == .finished(step: 9))
  }

  @Test("a folder with checkpoints or metrics but without config.yaml is refused")
  func lostConfiguration() throws {
    defer { fixture.remove() }
    try train(to: 8)
    try FileManager.default.removeItem(at: run.configurationURL)
    let message =
      "\(run.url.path) holds metrics or checkpoints, but no config.yaml: bring back the one of that run, or choose another folder"
    for _ in 0..<2 {
      #expect(#expect(throws: RunError.self) { try train(to: 8) }?.description == message)
      #expect(#expect(throws: RunError.self) { try resume(to: 8) }?.description == message)
      // Metrics alone are enough.
      try? FileManager.default.removeItem(at: run.checkpointsURL)
    }
    #expect(try lines() == 8)
  }

  @Test("a run whose checkpoints are all lost is refused; one that was killed before its first begins anew")
  func lostCheckpoints() throws {
    defer { fixture.remove() }
    try train(to: 8)
    try FileManager.default.removeItem(at: run.checkpointsURL)
    try FileManager.default.createDirectory(at: run.checkpointsURL, withIntermediateDirectories: false)
    let error = #expect(throws: RunError.self) { try resume(to: 9) }
    #expect(error?.description.contains("tells of 8 steps, but \(run.checkpointsURL.path) holds no checkpoint") == true)
    #expect(try lines() == 8)
    let all = try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n")
    try Data((all.prefix(3).joined(separator: "\n") + "\n").utf8).write(to: run.metricsURL)
    #expect(try resume(to: 4).outcome == .finished(step: 4))
  }

  @Test("with fewer steps than were made, a resumed run changes nothing")
  func fewerSteps() throws {
    defer { fixture.remove() }
    try train(to: 8)
    let names = try FileManager.default.subpathsOfDirectory(atPath: run.url.path).sorted()
    let metrics = try Data(contentsOf: run.metricsURL)
    #expect(try resume(to: 4).outcome == .finished(step: 8))
    #expect(try FileManager.default.subpathsOfDirectory(atPath: run.url.path).sorted() == names)
    #expect(try Data(contentsOf: run.metricsURL) == metrics)
  }

  @Test("pruning keeps what was just written, also after going back to an earlier checkpoint")
  func goingBack() throws {
    defer { fixture.remove() }
    try train(to: 9, "output.keep_checkpoints=0")
    try Data("step-00000003".utf8).write(to: latest)
    #expect(try resume(to: 5, "output.keep_checkpoints=1").outcome == .finished(step: 5))
    #expect(try Checkpoint.latest(in: run)?.position.step == 5)
    let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpointsURL.path).sorted()
    #expect(names == ["latest", "step-00000005", "step-00000006", "step-00000009"])
  }

  @Test(
    "a position that the run cannot have come to is refused",
    arguments: [
      "\"batch\" : 7", "\"batch\" : -1", "\"epoch\" : 4000000000000000000", "\"step\" : 900", "\"loss_scale\" : 0",
    ])
  func impossiblePosition(change: String) throws {
    defer { fixture.remove() }
    try train(to: 8)
    let file = checkpoint(8).appendingPathComponent("state.json")
    // As if of version 0.1; with checksums it would be damaged.
    try FileManager.default.removeItem(at: checkpoint(8).appendingPathComponent("SHA256SUMS"))
    let key = change.prefix { $0 != ":" }
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
      line.contains(key) ? "  \(change)," : String(line)
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    let error = #expect(throws: RunError.self) { try resume(to: 9) }
    #expect(error?.description.contains("numbers that this run cannot have come to") == true)
  }

  @Test("a folder that is taken away while training ends the run with an error, and is not made again")
  func folderTakenAway() throws {
    defer { fixture.remove() }
    let configuration = try configuration(to: 9, ["output.log_every_steps=1"])
    let training = try Pretraining.start(configuration, in: run)
    let error = #expect(throws: RunError.self) {
      try training.train {
        if case .step(let step) = $0, step.step == 4 { fixture.remove() }
      }
    }
    #expect(
      error?.description
        == "\(run.metricsURL.path) was removed or replaced while training: nothing more can be saved there")
    #expect(!FileManager.default.fileExists(atPath: run.url.path))
  }

  @Test("a run that another process wrote while this one made ready is not written over")
  func overtaken() throws {
    defer { fixture.remove() }
    let configuration = try configuration(to: 9, ["method.name=custom"])
    let error = #expect(throws: RunError.self) {
      try Pretraining.start(configuration, in: run) { [run] context in
        // The method is made when the folder was looked at and before its lock is taken.
        try? run.create(configuration)
        return SimCLR(
          encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.all),
          loss: NTXentLoss(temperature: 0.5, over: context.group))
      }
    }
    #expect(
      error?.description
        == "\(run.url.path) holds a run that another process has written meanwhile: give the same command again, or choose another folder"
    )
    #expect(error?.isWrongUsage == true)
  }
}
