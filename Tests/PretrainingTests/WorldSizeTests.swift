import Encoders
import Foundation
import Pretraining
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// The same training by different numbers of processes, which are threads here, compared number by number.
@Suite struct WorldSizeTests {
  @Test(
    "after ten steps in float64, all that a method keeps is what one process keeps, to 1e-7",
    arguments: [
      ["method.name=swav", "augmentation.local_views={count: 1, image_size: 8}"],
      ["method.name=swav", "training.accumulation_steps=2", "swav.queue_length=0"],
      ["method.name=dino", "augmentation.local_views={count: 1, image_size: 8}"],
      ["method.name=dino", "training.accumulation_steps=2", "dino.normalizes_last_layer=false"],
      ["method.name=distill", "augmentation.local_views={count: 1, image_size: 8}"],
      ["method.name=distill", "training.accumulation_steps=2"],
      ["method.name=cmc", "augmentation.local_views={count: 1, image_size: 8}"],
      ["method.name=cmc", "training.accumulation_steps=2"],
      ["method.name=amdim"],
      ["method.name=amdim", "training.accumulation_steps=2"],
    ])
  func sameState(overrides: [String]) throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let teacher = fixture.folder.appendingPathComponent("teacher.safetensors")
    let network = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: Generator(seed: 9))
    try SafeTensors(tensors: network.stateDictionary(), metadata: [:]).write(to: teacher)
    let inParts = overrides.contains("training.accumulation_steps=2")
    let configuration = try Configuration(
      yaml: fixture.configuration().yaml(),
      overrides: [
        "training.precision=fp64", "training.global_batch_size=\(inParts ? 24 : 12)",
        "training.epochs=\(inParts ? 10 : 5)", "swav.queue_length=24", "optimizer.learning_rate=0.02",
        "distill.teacher=\(teacher.path)", "distill.teacher_architecture=resnet18", "distill.teacher_width=0.0625",
      ] + overrides
    ).resolved()
    func state(after processes: Int) throws -> [String: Tensor] {
      let run = fixture.run("\(processes)")
      let outcomes = try withRanks(processes) { try Pretraining.start(configuration, in: run, with: $0).train() }
      #expect(outcomes.allSatisfy { $0 == .finished(step: 10) })
      return try #require(try Checkpoint.latest(in: run)).modelState()
    }
    let alone = try state(after: 1)
    for processes in 2...4 {
      let ours = try state(after: processes)
      #expect(ours.keys.sorted() == alone.keys.sorted())
      for (name, tensor) in alone {
        let difference = ours[name]!.largestDifference(from: tensor)
        #expect(difference <= 1e-7 * max(1e-3, tensor.largestMagnitude), "\(processes) processes: \(name)")
      }
    }
  }
}
