import Augmentation
import DataSets
import Encoders
import Foundation
import Keys
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct PretrainingTests {
  @Test("training lowers the loss and leaves configuration, metrics and checkpoints")
  func training() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    var losses: [Double] = []
    let outcome = try Pretraining.start(fixture.configuration("training.epochs=20"), in: run).train { event in
      if case .epoch(let epoch) = event { losses.append(epoch.meanLoss) }
    }
    #expect(outcome == .finished(step: 60))
    #expect(losses.count == 20)
    #expect(losses.suffix(3).reduce(0, +) < losses.prefix(3).reduce(0, +))
    #expect(try run.configuration() == fixture.configuration("training.epochs=20"))
    #expect(try Checkpoint.latest(in: run)?.position.step == 60)
    let lines = try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n")
    // Which schema, the steps, the epochs.
    #expect(lines.count == 1 + 60 + 20)
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.checkpointsURL.path).count == 2 + 1)
  }

  @Test(
    "a run stopped anywhere and resumed ends with the same bits as one never stopped",
    arguments: [
      "optimizer: {name: sgd}", "optimizer: {name: lars}", "optimizer: {name: adamw}",
      "augmentation: {second_view: {blur_probability: 0, solarize_probability: 1}, local_views: {count: 2, image_size: 8}}",
      "augmentation: {device: cpu, image_size: 20, jitter_probability: 0.8, local_views: {count: 1, image_size: 8}}",
      "method: {name: byol}", "method: {name: moco}", "method: {name: barlow_twins}",
      "method: {name: vicreg}", "method: {name: simsiam}", "method: {name: moco}\nmoco: {version: 3}",
      "method: {name: nnclr}\nnnclr: {queue_length: 64}", "method: {name: supcon}", "loss: {decoupled: dclw}",
      "method: {name: swav}", "method: {name: dino}", "method: {name: cmc}", "method: {name: amdim}",
    ])
  func exactResume(changes: String) throws {
    let fixture = try TrainingFixture(classCount: changes.contains("supcon") ? 3 : 0)
    defer { fixture.remove() }
    let configuration = try fixture.configuration().with(changes)
    let whole = fixture.run("whole")
    _ = try Pretraining.start(configuration, in: whole).train()

    let parts = fixture.run("parts")
    var stops = 0
    var outcome = try Pretraining.start(configuration, in: parts).train(shouldStop: { true })
    while case .stopped(let step) = outcome {
      stops += 1
      #expect(step == stops)
      outcome = try Pretraining.resume(configuration, in: parts).train(shouldStop: { true })
    }
    #expect(stops >= 8)
    let (a, b) = (try #require(try Checkpoint.latest(in: whole)), try #require(try Checkpoint.latest(in: parts)))
    #expect(a.position == b.position)
    let (modelA, modelB) = (try a.modelState(), try b.modelState())
    #expect(areIdentical(modelA, modelB))
    let (optimizerA, optimizerB) = (try a.optimizerState(), try b.optimizerState())
    #expect(areIdentical(optimizerA, optimizerB))
    #expect(try losses(whole) == losses(parts))
  }

  @Test("with local views, training lowers the loss, and the encoder is measured as any other")
  func multiCrop() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    let configuration = try fixture.configuration("training.epochs=20").with(
      "augmentation: {local_views: {count: 2, image_size: 8, crop_scale_minimum: 0.2, crop_scale_maximum: 0.5}}")
    #expect(try Pretraining.start(configuration, in: run).train() == .finished(step: 60))
    let losses = try losses(run)
    #expect(losses.suffix(9).reduce(0, +) < losses.prefix(9).reduce(0, +))
    let encoder = try run.encoder()
    #expect(encoder(Tensor.zeros([2, 3, 16, 16])).shape == [2, encoder.featureCount])
  }

  @Test("augmented in batch on a device, training begins as with the loader's views", arguments: ["fp32", "bf16"])
  func augmentationDevice(precision: String) throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    func losses(_ device: String) throws -> [Double] {
      let run = fixture.run("\(precision)-\(device)")
      let configuration = try fixture.configuration(
        "augmentation.device=\(device)", "augmentation.image_size=20", "augmentation.jitter_probability=0.8",
        "augmentation.solarize_probability=0.2", "training.precision=\(precision)", "training.maximum_steps=3")
      _ = try Pretraining.start(configuration, in: run).train()
      return try self.losses(run)
    }
    let (loader, batch) = (try losses("loader"), try losses("cpu"))
    #expect(abs(loader[0] - batch[0]) < 0.01 * loader[0])
    #expect(batch.count == 3)
  }

  @Test("a run of the time before views had recipes of their own goes on, to the same bits")
  func olderRun() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let configuration = try fixture.configuration()
    let whole = fixture.run("whole")
    _ = try Pretraining.start(configuration, in: whole).train()
    let older = fixture.run("older")
    _ = try Pretraining.start(configuration, in: older).train(shouldStop: { true })

    let text = try String(contentsOf: older.configurationURL, encoding: .utf8)
    let newKeys = """
        second_view: {}
        local_views:
          count: 0
          image_size: 96
          crop_scale_minimum: 0.05
          crop_scale_maximum: 0.14
        device: loader

      """
    #expect(text.contains(newKeys))
    try Data(text.replacingOccurrences(of: newKeys, with: "").utf8).write(to: older.configurationURL)
    #expect(try older.configuration() == configuration)
    #expect(try Pretraining.resume(configuration, in: older).train() == .finished(step: 9))
    let ends = try [whole, older].map { try #require(try Checkpoint.latest(in: $0)).modelState() }
    #expect(areIdentical(ends[0], ends[1]))
  }

  @Test("metrics beyond the last checkpoint are made again, not twice")
  func metricsAfterCrash() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    let configuration = try fixture.configuration()
    var steps = 0
    // Asked within a step: that of number 4, after three were reported.
    let outcome = try Pretraining.start(configuration, in: run).train(
      report: { if case .step = $0 { steps += 1 } }, shouldStop: { steps == 3 })
    #expect(outcome == .stopped(step: 4))
    // What a process killed after step 6 leaves behind: lines that its checkpoint of step 4 does not know.
    let handle = try FileHandle(forWritingTo: run.metricsURL)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("{\"step\":5,\"loss\":1}\n{\"step\":6,\"lo".utf8))
    _ = try Pretraining.resume(configuration, in: run).train()
    #expect(try losses(run).count == 9)
  }

  @Test("skipped steps beyond the last checkpoint are listed again, not twice")
  func skippedStepsAfterCrash() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    // The first step throws the parameters so far away that all others are skipped.
    let configuration = try fixture.configuration("optimizer.learning_rate=1e30", "training.maximum_skipped_steps=100")
    let (whole, parts) = (fixture.run("whole"), fixture.run("parts"))
    _ = try Pretraining.start(configuration, in: whole).train()
    var steps = 0
    _ = try Pretraining.start(configuration, in: parts).train(
      report: { if case .step = $0 { steps += 1 } }, shouldStop: { steps == 3 })
    let handle = try FileHandle(forWritingTo: parts.skippedStepsURL)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("{\"step\":5,\"loss\":\"nan\"}\n{\"step\":6,\"lo".utf8))
    _ = try Pretraining.resume(configuration, in: parts).train()
    let lists = try [whole, parts].map { try String(contentsOf: $0.skippedStepsURL, encoding: .utf8) }
    // Which schema, and a line a step.
    #expect(lists[0].split(separator: "\n").count == 1 + 8)
    #expect(lists[0] == lists[1])
  }

  @Test("a list of skipped steps that were all made again without is taken away")
  func noSkippedSteps() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=2"), in: run).train()
    #expect(!FileManager.default.fileExists(atPath: run.skippedStepsURL.path))
    try Data("{\"step\":5,\"loss\":\"nan\"}\n".utf8).write(to: run.skippedStepsURL)
    _ = try Pretraining.resume(fixture.configuration(), in: run).train()
    #expect(!FileManager.default.fileExists(atPath: run.skippedStepsURL.path))
  }

  @Test("a checkpoint that was cut off while being written is never named, and a damaged one is told")
  func brokenCheckpoint() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    let configuration = try fixture.configuration()
    _ = try Pretraining.start(configuration, in: run).train()
    let partial = run.checkpointsURL.appendingPathComponent(".step-00000010.partial")
    try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
    let partialMetrics = run.url.appendingPathComponent(".metrics.jsonl.1234.partial")
    try Data("{".utf8).write(to: partialMetrics)
    #expect(try Checkpoint.latest(in: run)?.position.step == 9)
    _ = try Pretraining.resume(configuration, in: run)
    for path in [partial.path, partialMetrics.path] { #expect(!FileManager.default.fileExists(atPath: path)) }
    let model = try #require(try Checkpoint.latest(in: run)).url.appendingPathComponent("model.safetensors")
    try Data(try Data(contentsOf: model).prefix(100)).write(to: model)
    let error = #expect(throws: RunError.self) { try run.encoder() }
    #expect(error?.description.contains(" is damaged: model.safetensors is not what was written") == true)
  }

  @Test("a second run in the same folder and a resume with another configuration are refused, naming the difference")
  func refusals() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=2"), in: run).train()
    let again = #expect(throws: RunError.self) { try Pretraining.start(fixture.configuration(), in: run) }
    #expect(
      again?.description == "\(run.url.path) already holds a run: continue it, or choose another folder"
    )
    let other = #expect(throws: RunError.self) {
      try Pretraining.resume(fixture.configuration("loss.temperature=0.1"), in: run)
    }
    #expect(
      other?.description
        == """
        the configuration is not the one the run was started with (loss.temperature is 0.1 now and was 0.5 then): resume with that one, or start another run
        a resumed run may change data (but data.image_key and data.applies_exif_orientation), augmentation.device, method.weights, encoder.weights, distill.teacher, training.maximum_steps, training.time_limit, training.activation_checkpointing, training.device, training.threads, distributed (but distributed.batch_norm_ranks and distributed.gradient_compression), evaluation, output
        """)
    let several = #expect(throws: RunError.self) {
      try Pretraining.resume(fixture.configuration("loss.temperature=0.1", "optimizer.momentum=0"), in: run)
    }
    #expect(
      several?.description.contains(
        "(loss.temperature is 0.1 now and was 0.5 then; optimizer.momentum is 0.0 now and was 0.9 then)") == true)
    let turned = #expect(throws: RunError.self) {
      try Pretraining.resume(fixture.configuration("data.applies_exif_orientation=true"), in: run)
    }
    #expect(turned?.description.contains("(data.applies_exif_orientation is true now and was false then)") == true)
    let view = #expect(throws: RunError.self) {
      try Pretraining.resume(fixture.configuration("augmentation.second_view.blur_probability=0.1"), in: run)
    }
    #expect(
      view?.description.contains("(augmentation.second_view.blur_probability is 0.1 now and was not given then)")
        == true)
    // The number of steps, the device and the output may change.
    #expect(
      try Pretraining.resume(
        fixture.configuration("output.log_every_steps=3", "augmentation.device=cpu"), in: run
      ).train() == .finished(step: 9))
  }

  @Test("a loss that is no longer finite stops the run with what to try, and keeps the last checkpoint")
  func divergence() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    let configuration = try fixture.configuration("optimizer.learning_rate=1e30", "output.checkpoint_every_steps=1")
    let error = #expect(throws: RunError.self) { try Pretraining.start(configuration, in: run).train() }
    #expect(error?.description.hasPrefix("the loss is ") == true)
    #expect(error?.description.contains("try a lower optimizer.learning_rate") == true)
    #expect(try Checkpoint.latest(in: run) != nil)
  }

  @Test(
    "when the limit of time is over a run saves after the step, says so, and goes on when it is resumed"
  )
  func timeLimit() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    var told: [String] = []
    let outcome = try Pretraining.start(
      fixture.configuration("training.time_limit=1h 30m"), in: run
    ).train(
      report: { if case .timeIsUp(let limit) = $0 { told.append(limit) } },
      since: .now - .seconds(5401))
    #expect(outcome == .stopped(step: 1) && told == ["1h 30m"])
    #expect(try Checkpoint.latest(in: run) != nil)
    #expect(
      try Pretraining.resume(fixture.configuration("training.time_limit=2h"), in: run).train()
        == .finished(step: 9))
  }

  @Test("several roots are trained on together, and a file of paths is one")
  func severalRoots() throws {
    let fixture = try TrainingFixture(imageCount: 10)
    let other = try TrainingFixture(imageCount: 6)
    defer {
      fixture.remove()
      other.remove()
    }
    let list = fixture.folder.appendingPathComponent("list.txt")
    try Data("\(other.data.path)/100.jpg\n\(other.data.path)/101.jpg\n".utf8).write(to: list)
    for (place, count) in [(other.data.path, 16), (list.path, 12)] {
      var images = 0
      _ = try Pretraining.start(
        fixture.configuration(
          "data.path=[\(fixture.data.path), \(place)]", "training.maximum_steps=1"),
        in: fixture.run("run\(count)")
      ).train(report: { if case .started(let plan) = $0 { images = plan.imageCount } })
      #expect(images == count)
    }
  }

  @Test("nothing is written when the data are not there or do not fill a batch")
  func missingData() throws {
    let fixture = try TrainingFixture(imageCount: 4)
    defer { fixture.remove() }
    let run = fixture.run("run")
    #expect(throws: ConfigurationError.self) { try Pretraining.start(fixture.configuration(), in: run) }
    #expect(throws: DataSetError.self) {
      try Pretraining.start(fixture.configuration("data.path=/nowhere"), in: run)
    }
    #expect(throws: ConfigurationError.self) { try Pretraining.start(fixture.configuration("data.path="), in: run) }
    #expect(!FileManager.default.fileExists(atPath: run.url.path))
  }

  @Test(
    "bfloat16 and float16 begin near float32's loss and lower it", arguments: ["bf16", "fp16"])
  func mixedPrecision(precision: String) throws {
    // Only the first loss is compared: with batches of 8, rounding errors grow from step to step.
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=1"), in: fixture.run("fp32")).train()
    let configuration = try fixture.configuration("training.precision=\(precision)", "training.epochs=20")
    _ = try Pretraining.start(configuration, in: fixture.run("half")).train()
    let (full, half) = (try losses(fixture.run("fp32")), try losses(fixture.run("half")))
    #expect(abs(full[0] - half[0]) < 0.05 * full[0])
    #expect(half.suffix(9).reduce(0, +) < half.prefix(9).reduce(0, +))
  }

  @Test("cuDNN may try which algorithms are fastest, unless training is to be deterministic", arguments: [false, true])
  func benchmarking(deterministic: Bool) throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    TorchRuntime.setDeterministic(!deterministic)
    defer { TorchRuntime.setDeterministic(false) }
    let configuration = try fixture.configuration(
      "training.maximum_steps=1", "training.deterministic=\(deterministic)")
    _ = try Pretraining.start(configuration, in: fixture.run("run")).train()
    #expect(TorchRuntime.benchmarksConvolutions == !deterministic)
  }

  @Test("gradient clipping bounds the step and logs the norm it found")
  func clipping() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    var norms: [Double] = []
    let configuration = try fixture.configuration(
      "training.maximum_gradient_norm=0.001", "optimizer.momentum=0", "optimizer.weight_decay=0")
    let before = try configuration.makeMethod().parameters().map { $0.value.detached().clone() }
    _ = try Pretraining.start(try configuration.with("training.maximum_steps=1"), in: fixture.run("run")).train {
      if case .step(let step) = $0 { norms.append(step.gradientNorm ?? 0) }
    }
    let model = try configuration.makeMethod()
    try model.load(try #require(try Checkpoint.latest(in: fixture.run("run"))).modelState())
    let moved = zip(before, model.parameters()).reduce(0.0) { $0 + ($1.0 - $1.1.value.detached()).pow(2).sum().item() }
    #expect(norms.allSatisfy { $0 > 0.001 })
    #expect(abs(moved.squareRoot() - 0.05 * 0.001) < 0.05 * 0.001 * 0.02)
  }

  private func losses(_ run: RunFolder) throws -> [Double] {
    try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n").compactMap { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["loss"] as? Double
    }
  }
}

extension ResolvedConfiguration {
  /// The configuration with the values of another YAML text, or with one value replaced.
  fileprivate func with(_ changes: String) throws -> ResolvedConfiguration {
    let overrides = changes.split(separator: "\n").map { change in
      guard change.contains(": ") else { return String(change) }
      let section = change.prefix { $0 != ":" }
      return "\(section)=\(change.dropFirst(section.count + 1))"
    }
    return try Configuration(yaml: yaml(), overrides: overrides).resolved()
  }
}
