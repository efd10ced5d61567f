import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

@Suite struct CheckpointWriterTests {
  /// Three steps an epoch, three epochs.
  private func checkpointSteps(_ overrides: String...) throws -> [Int] {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let configuration = try Configuration(yaml: fixture.configuration().yaml(), overrides: overrides).resolved()
    var steps: [Int] = []
    _ = try Pretraining.start(configuration, in: fixture.run("run")).train {
      if case .checkpoint(let step) = $0 { steps.append(step) }
    }
    return steps
  }

  @Test("every checkpoint is told of once it is written, also the last")
  func told() throws {
    #expect(try checkpointSteps() == [3, 6, 9])
    #expect(try checkpointSteps("output.checkpoint_every_steps=2") == [2, 3, 4, 6, 8, 9])
  }

  @Test("epochs that end soon after a checkpoint have none; the end has one")
  func shortEpochs() throws {
    #expect(try checkpointSteps("output.checkpoint_minimum_steps=20") == [9])
    #expect(try checkpointSteps("output.checkpoint_minimum_steps=4") == [6, 9])
    #expect(
      try checkpointSteps("output.checkpoint_minimum_steps=4", "output.checkpoint_every_steps=4") == [4, 8, 9])
  }

  @Test("what is written is the state of its step, though training goes on meanwhile")
  func state() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let all = fixture.run("all")
    _ = try Pretraining.start(
      fixture.configuration("output.checkpoint_every_steps=1", "output.keep_checkpoints=0"), in: all
    ).train()
    for step in [2, 5] {
      let alone = fixture.run("alone \(step)")
      _ = try Pretraining.start(fixture.configuration("training.maximum_steps=\(step)"), in: alone).train()
      let expected = try #require(try Checkpoint.latest(in: alone))
      let written = all.checkpointsURL.appendingPathComponent(expected.url.lastPathComponent)
      for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let (ours, theirs) = (written.appendingPathComponent(file), expected.url.appendingPathComponent(file))
        #expect(try Data(contentsOf: ours) == Data(contentsOf: theirs), "\(file) of step \(step)")
      }
    }
  }
}
