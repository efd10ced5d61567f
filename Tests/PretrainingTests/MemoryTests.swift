import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

@Suite struct MemoryTests {
  @Test("memory does not grow over 200 steps, and every tensor is freed after the run")
  func steadyMemory() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let tensorsBefore = TorchRuntime.liveTensorCount
    var resident: [Int: Int] = [:]
    var tensors: [Int: Int] = [:]
    try {
      let configuration = try fixture.configuration("training.epochs=100", "output.checkpoint_every_epochs=0")
      _ = try Pretraining.start(configuration, in: fixture.run("run")).train {
        guard case .step(let step) = $0, step.step == 100 || step.step == 300 else { return }
        resident[step.step] = residentBytes()
        tensors[step.step] = TorchRuntime.liveTensorCount
      }
    }()
    let (early, late) = (try #require(resident[100]), try #require(resident[300]))
    #expect(Double(late) < Double(early) * 1.02, "resident \(early) bytes after 100 steps, \(late) after 300")
    // Batches waiting in the loader make the count vary by their tensors.
    #expect(abs(try #require(tensors[300]) - (try #require(tensors[100]))) <= 16)
    #expect(TorchRuntime.liveTensorCount == tensorsBefore)
  }
}
