import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

/// Files of weights in place of a run, and checkpoints other than the latest.
@Suite struct WeightsTests {
  private let program: Program

  init() throws {
    program = try Program()
    try #require(
      program.run(
        "pretrain", "recipe.yaml", "--output", "run", "training.maximum_steps=5", "output.keep_checkpoints=0"
      ).exitCode == 0)
    try #require(program.run("export", "run", "--output", "encoder.safetensors").exitCode == 0)
  }

  private func features(_ arguments: String...) throws -> [String: Tensor] {
    let all = ["embed"] + arguments + ["--data", "data", "--split", "test", "--device", "cpu", "--output", "features"]
    let outcome = try program.finish(program.start(all))
    try #require(outcome.exitCode == 0, "\(outcome.errors)")
    return try SafeTensors.load(program.folder.appendingPathComponent("features"))
  }

  private func files() throws -> Set<String> { try program.files().filter { $0.hasPrefix("run/evaluation/") } }

  @Test("an exported file embeds as its run does, bit for bit, and needs no other word")
  func exported() throws {
    defer { program.remove() }
    #expect(try areIdentical(features("run"), features("encoder.safetensors")))
    #expect(try areIdentical(features("run"), features("run", "--checkpoint", "5")))
    #expect(try !areIdentical(features("run"), features("run", "--checkpoint", "3")))
    let wrong = try program.run(
      "embed", "encoder.safetensors", "--architecture", "resnet50", "--data", "data", "--output", "features")
    #expect(wrong.exitCode == 1)
    #expect(wrong.errors == "error: encoder.safetensors holds a resnet18, not a resnet50\n")
  }

  @Test("evaluation of a file prints its result and says what was loaded; of a checkpoint it has a name of its own")
  func evaluation() throws {
    defer { program.remove() }
    let file = try program.run("evaluate", "knn", "encoder.safetensors", "--data", "data", "--json")
    #expect(file.exitCode == 0 && file.output.hasPrefix("{"), "\(file.errors)")
    #expect(file.errors.contains("encoder.safetensors: 120 tensors loaded\n"), "\(file.errors)")
    #expect(try files().isEmpty)
    #expect(try program.run("evaluate", "knn", "run", "--data", "data", "--checkpoint", "3").exitCode == 0)
    // And the same encoder untrained, the baseline.
    #expect(try files() == ["run/evaluation/knn-step-3.json", "run/evaluation/knn-random.json"])
    let none = try program.run("evaluate", "knn", "run", "--data", "data", "--checkpoint", "4")
    #expect(none.exitCode == 2)
    #expect(none.errors.contains("has no whole checkpoint of step 4: there are those of 3, 5"), "\(none.errors)")
  }

  @Test("a file that does not say what it holds wants --architecture, and one that does not fit is refused")
  func published() throws {
    defer { program.remove() }
    let url = program.folder.appendingPathComponent("published.safetensors")
    try SafeTensors(tensors: [("conv1.weight", Tensor.zeros([64, 1, 7, 7])), ("fc.bias", Tensor.zeros([10]))])
      .write(to: url)
    let silent = try program.run("embed", "published.safetensors", "--data", "data", "--output", "features")
    #expect(silent.exitCode == 2)
    #expect(
      silent.errors.contains(
        "published.safetensors does not say which network it holds: give --architecture (resnet18,"))
    let gray = try program.run(
      "embed", "published.safetensors", "--architecture", "resnet18", "--data", "data", "--output", "features")
    #expect(gray.exitCode == 1)
    #expect(
      gray.errors
        == "error: the weights of published.safetensors are not those of a resnet18: they take images of 1 channels, and images here have 3 (red, green and blue)\n"
    )
    for arguments in [["run", "--architecture", "resnet18"], ["published.safetensors", "--checkpoint", "3"]] {
      let outcome = try program.finish(
        program.start(["embed"] + arguments + ["--data", "data", "--output", "features"]))
      #expect(outcome.exitCode == 2, "\(outcome.errors)")
    }
  }

  @Test("--from begins a run with another's encoder and method, or a file's encoder, and --resume leaves it at that")
  func from() throws {
    defer { program.remove() }
    let steps = ["training.maximum_steps=2", "training.seed=5"]
    for (output, from, overrides, said) in [
      ("same", "run", [], "encoder and method begin with "),
      ("head", "run", ["projection_head.output_dimension=4"], "the encoder begins with "),
      ("file", "encoder.safetensors", [], "the encoder begins with "),
    ] {
      let command = ["pretrain", "recipe.yaml", "--output", output, "--from", from] + steps + overrides
      let outcome = try program.finish(program.start(command))
      #expect(outcome.exitCode == 0 && outcome.errors.contains(said), "\(outcome.errors)")
      let more = try program.finish(program.start(command + ["--resume", "training.maximum_steps=3"]))
      #expect(more.exitCode == 0 && more.errors.contains("going on after step 2"), "\(more.errors)")
      #expect(!more.errors.contains("begin"))
    }
    let configuration = try RunFolder(program.folder.appendingPathComponent("same")).configuration()
    #expect(configuration.method.weights.hasSuffix("/run/checkpoints/step-00000005/model.safetensors"))
    let none = try program.run("pretrain", "recipe.yaml", "--output", "none", "--from", "nowhere")
    #expect(none.exitCode == 1 && none.errors.contains("nowhere holds no run"), "\(none.errors)")
  }
}
