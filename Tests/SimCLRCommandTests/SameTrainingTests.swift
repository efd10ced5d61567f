import Encoders
import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

/// The same training by different numbers of processes of the real program, compared number by number.
///
/// ResNet-18 with an eighth of the channels, 12 images of 16 pixels a step. With SGD and no weight decay, the momentum
/// after one step is the gradient.
@Suite struct SameTrainingTests {
  private static let changes = [
    "data.path=shapes",
    "encoder.width=0.125", "training.global_batch_size=12", "optimizer.weight_decay=0", "training.epochs=20",
    "output.checkpoint_every_epochs=0", "output.keep_checkpoints=0",
  ]

  private let program: Program

  init() throws {
    program = try Program()
    _ = try program.run("data", "shapes", "shapes", "--train", "60", "--test", "10", "--size", "32")
  }

  /// Trains, and reads what is left.
  private func train(_ processes: Int, steps: Int, _ overrides: [String]) throws -> (
    model: [String: Tensor], optimizer: [String: Tensor], losses: [Double]
  ) {
    let name = UUID().uuidString
    let arguments =
      ["pretrain", "recipe.yaml", "--output", name, "--processes", "\(processes)"]
      + Self.changes + ["training.maximum_steps=\(steps)"] + overrides
    let outcome = try program.finish(program.start(arguments))
    try #require(outcome.exitCode == 0, "\(arguments): \(outcome.errors)")
    let run = RunFolder(program.folder.appendingPathComponent(name))
    let checkpoint = try #require(try Checkpoint.latest(in: run))
    let losses = try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n").compactMap { line in
      (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["loss"] as? Double
    }
    #expect(checkpoint.position.step == steps && losses.count == steps)
    return (try checkpoint.modelState(), try checkpoint.optimizerState(), losses)
  }

  /// The largest difference of an element, relative to the largest element of its tensor, or to a millionth of the largest of
  /// all where that is more: the gradient of a bias that BatchNorm takes away again is rounding and nothing else.
  private func expectClose(
    _ ours: [String: Tensor], _ theirs: [String: Tensor], tolerance: Double, _ what: String
  ) {
    #expect(ours.keys.sorted() == theirs.keys.sorted())
    let least = 1e-6 * theirs.values.map { $0.array(of: Double.self).map(\.magnitude).max()! }.max()!
    for (name, tensor) in theirs {
      let (a, b) = (ours[name]!.array(of: Double.self), tensor.array(of: Double.self))
      let scale = max(least, b.map(\.magnitude).max()!)
      let worst = zip(a, b).map { ($0 - $1).magnitude }.max()!
      #expect(worst <= tolerance * scale, "\(what): \(name) differs by \(worst / scale)")
    }
  }

  @Test("after one step in float32, loss and every gradient are those of one process, to 1e-5", arguments: [0, 1])
  func gradients(seed: Int) throws {
    defer { program.remove() }
    let overrides = ["optimizer.momentum=0.9", "training.seed=\(seed)"]
    let alone = try train(1, steps: 1, overrides)
    for processes in 2...4 {
      for reduction in ["true", "false"] {
        let ours = try train(processes, steps: 1, overrides + ["distributed.overlaps_backward=\(reduction)"])
        let what = "\(processes) processes, overlapping \(reduction)"
        #expect((ours.losses[0] - alone.losses[0]).magnitude <= 1e-5 * alone.losses[0], "\(what)")
        expectClose(ours.optimizer, alone.optimizer, tolerance: 1e-5, what)
        expectClose(ours.model, alone.model, tolerance: 1e-5, what)
      }
    }
  }

  // Rounding makes a unit fall to the other side of ReLU sooner or later, and float32 runs part there. Float64 tells
  // rounding from mistakes for any number of steps.
  @Test(
    "after ten steps in float64, all parameters are those of one process, to 1e-7",
    arguments: [
      ["optimizer.name=sgd", "optimizer.momentum=0.9"],
      ["optimizer.name=lars", "optimizer.learning_rate=1", "optimizer.weight_decay=1e-6"],
      ["optimizer.name=adamw", "optimizer.learning_rate=0.001", "distributed.shards_optimizer=true"],
      ["optimizer.name=lars", "training.accumulation_steps=2", "training.global_batch_size=24"],
      [
        "optimizer.name=sgd", "training.accumulation_steps=2", "training.global_batch_size=24",
        "optimizer.momentum=0.9",
        "distributed.overlaps_backward=false",
      ],
      [
        "optimizer.name=sgd", "training.maximum_gradient_norm=0.5", "augmentation.local_views.count=1",
        "augmentation.local_views.image_size=8", "training.activation_checkpointing=blocks",
      ],
      ["method.name=byol", "optimizer.name=lars", "optimizer.learning_rate=1", "byol.momentum=0.9"],
      ["method.name=moco", "optimizer.name=sgd", "moco.queue_length=24", "moco.momentum=0.9"],
      [
        "method.name=barlow_twins", "optimizer.name=sgd", "optimizer.learning_rate=0.001",
        "optimizer.bias_and_norm_learning_rate=0.0001",
      ],
      ["loss.decoupled=dclw", "optimizer.name=lars", "training.accumulation_steps=2", "training.global_batch_size=24"],
      ["method.name=supcon", "optimizer.name=sgd", "optimizer.momentum=0.9"],
      [
        "method.name=simsiam", "optimizer.name=sgd", "optimizer.momentum=0.9", "training.accumulation_steps=2",
        "training.global_batch_size=24", "distributed.shards_optimizer=true",
      ],
      [
        "method.name=moco", "moco.version=3", "moco.momentum=0.9", "optimizer.name=adamw",
        "optimizer.learning_rate=0.001",
      ],
      ["method.name=nnclr", "nnclr.queue_length=24", "optimizer.name=lars", "output.spread_every_steps=3"],
      [
        "method.name=vicreg", "optimizer.name=lars", "optimizer.learning_rate=1", "training.accumulation_steps=2",
        "training.global_batch_size=24",
      ],
      [
        "method.name=byol", "optimizer.name=sgd", "optimizer.momentum=0.9", "training.accumulation_steps=2",
        "training.global_batch_size=24", "augmentation.local_views.count=1", "augmentation.local_views.image_size=8",
      ],
    ])
  func parameters(overrides: [String]) throws {
    defer { program.remove() }
    let overrides = ["training.precision=fp64"] + overrides
    let alone = try train(1, steps: 10, overrides)
    for processes in 2...4 {
      let ours = try train(processes, steps: 10, overrides)
      let what = "\(processes) processes, \(overrides)"
      expectClose(ours.model, alone.model, tolerance: 1e-7, what)
      expectClose(ours.optimizer, alone.optimizer, tolerance: 1e-7, what)
      #expect(zip(ours.losses, alone.losses).allSatisfy { ($0 - $1).magnitude < 1e-7 }, "\(what)")
    }
  }

  @Test(
    "after ten steps in float32, the parameters as one vector are those of one process, to 1e-4",
    arguments: [
      ["optimizer.name=sgd", "optimizer.learning_rate=0.0001", "optimizer.momentum=0.9"],
      ["optimizer.name=lars", "optimizer.learning_rate=0.005"],
      ["optimizer.name=adamw", "optimizer.learning_rate=0.0001"],
    ])
  func parametersInFloat32(overrides: [String]) throws {
    defer { program.remove() }
    let alone = try train(1, steps: 10, overrides).model
    for processes in 2...4 {
      let ours = try train(processes, steps: 10, overrides).model
      let names = alone.keys.sorted()
      let (a, b) = (vector(ours, names), vector(alone, names))
      let difference = (a - b).norm().item() / b.norm().item()
      #expect(difference < 1e-4, "\(processes) processes, \(overrides)")
    }
  }

  private func vector(_ state: [String: Tensor], _ names: [String]) -> Tensor {
    Tensor.concatenate(names.filter { !$0.contains("running") }.map { state[$0]!.to(.float64).flattened() })
  }

  @Test("a batch in parts on one process is the batch of as many processes that normalize apart")
  func partsAreProcesses() throws {
    defer { program.remove() }
    let overrides = ["training.precision=fp64", "optimizer.momentum=0.9"]
    let parts = try train(1, steps: 3, overrides + ["training.accumulation_steps=3"])
    let processes = try train(3, steps: 3, overrides + ["distributed.batch_norm_ranks=1"])
    let learned = processes.model.filter { !$0.key.contains("running") && !$0.key.contains("num_batches") }
    expectClose(parts.model.filter { learned[$0.key] != nil }, learned, tolerance: 1e-9, "parts and processes")
    expectClose(parts.optimizer, processes.optimizer, tolerance: 1e-9, "parts and processes")
  }

  @Test("stopped and resumed, two processes end with the bits of two that were never stopped")
  func exactResume() throws {
    defer { program.remove() }
    let overrides = ["optimizer.momentum=0.9", "distributed.shards_optimizer=true"]
    let whole = try train(3, steps: 9, overrides)
    let arguments =
      ["pretrain", "recipe.yaml", "--output", "parts", "--processes", "3", "--resume"] + Self.changes + overrides
    for steps in [4, 9] {
      #expect(try program.finish(program.start(arguments + ["training.maximum_steps=\(steps)"])).exitCode == 0)
    }
    let checkpoint = try #require(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent("parts"))))
    let (model, optimizer) = (try checkpoint.modelState(), try checkpoint.optimizerState())
    #expect(areIdentical(whole.model, model))
    #expect(areIdentical(whole.optimizer, optimizer))
  }
}
