import Foundation
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchNN

/// Runs that begin with weights of another.
@Suite struct FirstWeightsTests {
  private let fixture: TrainingFixture
  private let source: RunFolder
  private let weights: URL

  init() throws {
    fixture = try TrainingFixture()
    source = fixture.run("source")
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=3"), in: source).train()
    weights = try #require(try Checkpoint.latest(in: source)).url.appendingPathComponent("model.safetensors")
  }

  /// The parameters after a step that moves none of them, and what was said of the first weights.
  private func begin(_ name: String, _ overrides: String...) throws -> (state: [String: Tensor], said: String?) {
    var configuration = try fixture.configuration("training.maximum_steps=1", "training.seed=7")
    configuration = try Configuration(
      yaml: configuration.yaml(), overrides: ["optimizer.learning_rate=1e-30"] + overrides
    ).resolved()
    let run = fixture.run(name)
    var said: String?
    _ = try Pretraining.start(configuration, in: run).train { if case .firstWeights(let text) = $0 { said = text } }
    return (try parameters(of: run), said)
  }

  private func parameters(of run: RunFolder) throws -> [String: Tensor] {
    try #require(try Checkpoint.latest(in: run)).modelState().filter {
      !$0.key.contains("running_") && !$0.key.contains("num_batches")
    }
  }

  private func part(_ state: [String: Tensor], _ prefix: String) -> [String: Tensor] {
    state.filter { $0.key.hasPrefix(prefix) }
  }

  @Test("encoder.weights gives the encoder another run's weights, and leaves the method those of its seed")
  func encoder() throws {
    defer { fixture.remove() }
    let (drawn, none) = try begin("drawn")
    let (state, said) = try begin("encoder", "encoder.weights=\(weights.path)")
    let theirs = try parameters(of: source)
    #expect(none == nil && !areIdentical(part(drawn, "encoder."), part(theirs, "encoder.")))
    #expect(areIdentical(part(state, "encoder."), part(theirs, "encoder.")))
    // Where it began at 0 the step is no rounding error.
    let (head, expected) = (part(state, "projection_head."), part(drawn, "projection_head."))
    #expect(!head.isEmpty && Set(head.keys) == Set(expected.keys))
    for (name, tensor) in head { #expect((tensor - expected[name]!).abs().max().item() < 1e-20, "\(name)") }
    #expect(
      said?.hasPrefix("the encoder begins with \(weights.path): 120 tensors loaded; left out: projection") == true)
    #expect(try fixture.run("encoder").configuration().encoder.weights == weights.path)
  }

  @Test("method.weights gives all of another run's weights")
  func method() throws {
    defer { fixture.remove() }
    let (state, said) = try begin("method", "method.weights=\(weights.path)")
    #expect(try areIdentical(state, parameters(of: source)))
    #expect(said?.hasPrefix("encoder and method begin with \(weights.path): ") == true)
  }

  @Test("a moving average begins where the encoder does")
  func movingAverage() throws {
    defer { fixture.remove() }
    let (state, _) = try begin("byol", "method.name=byol", "encoder.weights=\(weights.path)")
    let online = part(state, "encoder.")
    let targets = part(state, "target_encoder.")
    #expect(!targets.isEmpty && targets.count == online.count)
    for (name, target) in targets {
      let difference = (target - online["encoder." + name.dropFirst("target_encoder.".count)]!).abs().max().item()
      #expect(difference < 1e-6, "\(name)")
    }
  }

  @Test("weights that do not fit are refused with the reason and the key, and nothing is written")
  func refused() throws {
    defer { fixture.remove() }
    let cases = [
      (
        ["encoder.weights=\(weights.path)", "encoder.width=0.125"],
        "encoder.weights: \(weights.path) does not fit a resnet18: they begin with 4 channels, and the encoder with 8: its width is another"
      ),
      (
        ["encoder.weights=\(weights.path)", "encoder.stem=imagenet"],
        "encoder.weights: \(weights.path) does not fit a resnet18: they begin with a convolution of 3 × 3, and the encoder with one of 7 × 7"
      ),
      (
        ["method.weights=\(weights.path)", "projection_head.output_dimension=4"],
        "method.weights: \(weights.path) is of another method or of other sizes: "
      ),
    ]
    for (overrides, text) in cases {
      let run = fixture.run("refused")
      let error = #expect(throws: RunError.self) {
        try Pretraining.start(
          Configuration(yaml: fixture.configuration().yaml(), overrides: overrides).resolved(), in: run)
      }
      #expect(error?.isWrongUsage == true && error?.description.hasPrefix(text) == true, "\(error!)")
      #expect(!FileManager.default.fileExists(atPath: run.url.path))
    }
  }

  @Test("more epochs are refused on resume, and the remedy is named")
  func epochs() throws {
    defer { fixture.remove() }
    let error = #expect(throws: RunError.self) {
      try Pretraining.resume(fixture.configuration("training.epochs=5"), in: source)
    }
    #expect(error?.description.hasPrefix("training.epochs is 5 now and was 3 then: ") == true)
    #expect(error?.description.contains("with the weights of this one") == true)
  }
}
