import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

/// Checkpoints that are not what was written: torn, cut off, with a bit flipped.
@Suite struct DamagedCheckpointTests {
  private let fixture: TrainingFixture
  private let run: RunFolder

  init() throws {
    fixture = try TrainingFixture()
    run = fixture.run("run")
    _ = try Pretraining.start(configuration(to: 8), in: run).train()
  }

  private func configuration(to steps: Int) throws -> ResolvedConfiguration {
    try fixture.configuration(
      "training.maximum_steps=\(steps)", "output.checkpoint_every_steps=3", "output.keep_checkpoints=0")
  }

  private func checkpoint(_ step: Int) -> URL {
    run.checkpointsURL.appendingPathComponent("step-0000000\(step)")
  }

  private func resume() throws -> (outcome: Pretraining.Outcome, repair: String?) {
    var repair: String?
    let outcome = try Pretraining.resume(configuration(to: 9), in: run).train {
      if case .repaired(let text) = $0 { repair = text }
    }
    return (outcome, repair)
  }

  private func change(_ file: String, of step: Int, _ body: (inout Data) -> Void) throws {
    let url = checkpoint(step).appendingPathComponent(file)
    var data = try Data(contentsOf: url)
    body(&data)
    try data.write(to: url)
  }

  @Test("`sha256sum -c` finds a checkpoint as it was written")
  func sha256sum() throws {
    defer { fixture.remove() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    process.arguments = ["--check", "--strict", "--quiet", "SHA256SUMS"]
    process.currentDirectoryURL = checkpoint(8)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint(8).path).sorted()
    #expect(names == ["SHA256SUMS", "model.safetensors", "optimizer.safetensors", "state.json"])
  }

  @Test(
    "one flipped bit of any file is named, and training goes on from the newest whole checkpoint before it",
    arguments: ["model.safetensors", "optimizer.safetensors", "state.json"])
  func flipped(file: String) throws {
    defer { fixture.remove() }
    // The last digit of a number in the state, the last byte of the last tensor elsewhere.
    try change(file, of: 8) { data in
      let place = file == "state.json" ? data.lastIndex { 0x30...0x39 ~= $0 }! : data.count - 1
      data[place] ^= 1
    }
    let (outcome, repair) = try resume()
    #expect(outcome == .finished(step: 9))
    #expect(
      repair
        == "\(checkpoint(8).path) is damaged: \(file) is not what was written (its SHA-256 differs from SHA256SUMS); going on from step-00000006, the newest whole one before it"
    )
    #expect(try Checkpoint.latest(in: run)?.position.step == 9)
  }

  @Test("the run that goes on after damage ends as one that was never damaged, bit for bit")
  func sameEnd() throws {
    defer { fixture.remove() }
    let whole = fixture.run("whole")
    _ = try Pretraining.start(configuration(to: 9), in: whole).train()
    try change("model.safetensors", of: 8) { $0.removeLast(5) }
    _ = try resume()
    let (ours, theirs) = (try #require(try Checkpoint.latest(in: run)), try #require(try Checkpoint.latest(in: whole)))
    #expect(try areIdentical(ours.modelState(), theirs.modelState()))
  }

  @Test("damaged ones are passed over until a whole one is found; without one the run is refused")
  func several() throws {
    defer { fixture.remove() }
    try change("model.safetensors", of: 8) { $0.removeLast() }
    try FileManager.default.removeItem(at: checkpoint(6).appendingPathComponent("optimizer.safetensors"))
    #expect(try resume().repair?.hasSuffix("going on from step-00000003, the newest whole one before it") == true)
    for step in [3, 6, 9] { try change("SHA256SUMS", of: step) { $0.removeAll() } }
    let error = #expect(throws: RunError.self) { try resume() }
    #expect(
      error?.description
        == "\(checkpoint(9).path) is damaged: SHA256SUMS lacks model.safetensors, and no other before it is whole: bring one back, or start another run"
    )
  }

  @Test("a checkpoint of version 0.1, which has no checksums, is read")
  func withoutChecksums() throws {
    defer { fixture.remove() }
    for step in [3, 6, 8] {
      try FileManager.default.removeItem(at: checkpoint(step).appendingPathComponent("SHA256SUMS"))
    }
    #expect(try resume() == (.finished(step: 9), nil))
    try FileManager.default.removeItem(at: checkpoint(9).appendingPathComponent("SHA256SUMS"))
    try change("model.safetensors", of: 9) { $0.removeLast() }
    #expect(try resume().repair?.contains("is not a whole safetensors file") == true)
  }

  @Test("a damaged model is not evaluated")
  func evaluation() throws {
    defer { fixture.remove() }
    #expect(throws: Never.self) { try run.encoder() }
    try change("model.safetensors", of: 8) { $0[$0.count - 1] ^= 0x40 }
    let error = #expect(throws: RunError.self) { try run.encoder() }
    #expect(error?.description.hasPrefix("\(checkpoint(8).path) is damaged: model.safetensors is not what was") == true)
  }

  @Test("a checkpoint that cannot be written is a warning, and training goes on; the last one is an error")
  func unwritable() throws {
    defer { fixture.remove() }
    let (folder, aside) = (run.checkpointsURL, run.url.appendingPathComponent("aside"))
    var (written, warnings) = ([Int](), [String]())
    let later = fixture.run("later")
    let configuration = try fixture.configuration("output.checkpoint_every_steps=2", "output.keep_checkpoints=0")
    let outcome = try Pretraining.start(configuration, in: later).train { event in
      switch event {
      case .checkpoint(let step):
        written.append(step)
        guard step == 2 else { break }
        // Where the folder should be is a file, until that is noticed.
        try? FileManager.default.moveItem(at: later.checkpointsURL, to: aside)
        _ = FileManager.default.createFile(atPath: later.checkpointsURL.path, contents: nil)
      case .warning(let text):
        warnings.append(text)
        try? FileManager.default.removeItem(at: later.checkpointsURL)
        try? FileManager.default.moveItem(at: aside, to: later.checkpointsURL)
      default: break
      }
    }
    #expect(outcome == .finished(step: 9))
    #expect(written == [2, 4, 6, 8, 9])
    #expect(warnings.count == 1)
    #expect(warnings.first?.hasPrefix("cannot write the checkpoint of step 3: ") == true)
    #expect(warnings.first?.hasSuffix("Earlier checkpoints are untouched; training goes on") == true)
    #expect(try Checkpoint.latest(in: later)?.position.step == 9)

    let error = #expect(throws: RunError.self) {
      try Pretraining.resume(self.configuration(to: 9), in: run).train { event in
        guard case .step = event else { return }
        try? FileManager.default.removeItem(at: folder)
        _ = FileManager.default.createFile(atPath: folder.path, contents: nil)
      }
    }
    #expect(error?.description.hasPrefix("cannot write the checkpoint of step 9: ") == true)
  }
}
