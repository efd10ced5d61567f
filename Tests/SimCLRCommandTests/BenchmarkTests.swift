import Encoders
import Foundation
import Pretraining
import Testing

@Suite struct BenchmarkTests {
  @Test("benchmark step prints one object whose figures fit together, and leaves no file", arguments: [1, 2])
  func step(processes: Int) throws {
    let program = try Program()
    defer { program.remove() }
    let before = try program.files()
    let outcome = try program.run(
      "benchmark", "step", "recipe.yaml", "--steps", "3", "--processes", "\(processes)", "--json")
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let figures = try decode(StepFigures.self, outcome.output)
    #expect(figures.stepSeconds?.count == 3 && figures.computeStepSeconds.count == 3)
    #expect(figures.pairsPerSecond == 4 / (try #require(figures.secondsPerStep)))
    #expect(figures.computePairsPerSecond == 4 / figures.computeSecondsPerStep)
    #expect(figures.computeStepSeconds.sorted()[1] == figures.computeSecondsPerStep)
    let wait = try #require(figures.dataWait)
    #expect(0...1 ~= wait.share && 0...1 ~= figures.communicationWait.share)
    #expect((figures.communicationWait.secondsPerStep > 0) == (processes > 1))
    #expect(figures.peakResidentBytes > 50 << 20)
    #expect(figures.processes == processes && figures.globalBatchSize == 4 && figures.threadsPerProcess == 1)
    #expect(try program.files() == before)
  }

  @Test(
    "bytes sent in a step are those of theory, to the byte for two processes",
    arguments: [
      [], ["distributed.gradient_compression=bf16"], ["distributed.overlaps_backward=false"],
      ["distributed.batch_norm_ranks=1"], ["training.accumulation_steps=2"],
      ["training.activation_checkpointing=blocks"],
      ["training.precision=fp64"], ["augmentation.local_views={count: 2, image_size: 8}"],
    ])
  func sentBytes(overrides: [String]) throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.finish(
      program.start(
        ["benchmark", "step", "recipe.yaml", "training.global_batch_size=8", "data.path=nowhere"] + overrides
          + ["--steps", "1", "--processes", "2", "--json"]))
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let figures = try decode(StepFigures.self, outcome.output)
    #expect(figures.sentBytesPerStep == figures.expectedSentBytes.total, "\(overrides)")
    let expected = figures.expectedSentBytes
    if overrides.isEmpty {
      // 2 (W − 1) / W = 1. Two views, 8 images, 8 dimensions, 4 bytes: all [16, 8], of which a process gathers out half.
      #expect(expected.embeddings == 16 * 8 * 4 / 2 && expected.embeddingGradients == 16 * 8 * 4)
      #expect(expected.verdict == 24 && expected.runningStatistics == 0)
      // Channels of a ResNet-18 of 4 channels: 5 × 4, 5 × 8, 5 × 16, 5 × 32; the head's two layers have 16 and 8.
      #expect(expected.batchNorm == 4 * 2 * 8 * (5 * (4 + 8 + 16 + 32) + 16 + 8))
    }
    #expect((expected.runningStatistics > 0) == overrides.contains("distributed.batch_norm_ranks=1"))
  }

  @Test("without images the step is measured on noise; without --json people get a table")
  func noImages() throws {
    let program = try Program()
    defer { program.remove() }
    let empty = program.folder.appendingPathComponent("empty")
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    for path in ["nowhere", "empty", ""] {
      let outcome = try program.run("benchmark", "step", "recipe.yaml", "data.path=\(path)", "--steps", "1")
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      #expect(outcome.output.contains(" pairs/s on one batch in memory; no images to load"), "\(outcome.output)")
      #expect(!outcome.output.contains("waiting for data"))
    }
  }

  @Test("benchmark loss prints one object whose figures fit together", arguments: [1, 2])
  func loss(processes: Int) throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run(
      "benchmark", "loss", "--pairs", "48", "--dim", "16", "--temperature", "0.1", "--precision", "fp64", "--runs", "3",
      "--device", "cpu", "--processes", "\(processes)", "--json")
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let figures = try decode(LossFigures.self, outcome.output)
    #expect(figures.runSeconds.count == 3 && figures.runSeconds.sorted()[1] == figures.seconds)
    // Of N = 96 views: two N × N products for one process; of two, those for half of the rows and three of half the columns.
    #expect(figures.productOperations == 2 * 16 * 96 * 96 * (processes == 1 ? 2 : 5) / (processes == 1 ? 1 : 2))
    #expect(figures.exponentials == 96 * 96)
    #expect(figures.operationsPerSecond == Double(figures.productOperations) / figures.seconds)
    #expect(figures.productSeconds > 0 && figures.peakBytes > 0)
    #expect(figures.processes == processes && figures.threadsPerProcess >= 1 && figures.device == "cpu")
    #expect(figures.pairs == 48 && figures.dimension == 16 && figures.temperature == 0.1 && figures.precision == "fp64")
  }

  @Test("benchmark loss prints a table, and says in a line what cannot be measured")
  func lossForPeople() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run("benchmark", "loss", "--pairs", "8", "--runs", "1")
    #expect(outcome.exitCode == 0 && outcome.output.contains("8 pairs of 128 elements, temperature 0.5, fp32 on cpu"))
    let odd = try program.run("benchmark", "loss", "--pairs", "9", "--processes", "2")
    #expect(
      odd.exitCode == 2 && odd.errors.contains("2 processes cannot share 9 pairs of views evenly"), "\(odd.errors)")
    for (option, value) in [("--pairs", "0"), ("--dim", "0"), ("--temperature", "0"), ("--runs", "0")] {
      let wrong = try program.run("benchmark", "loss", option, value)
      #expect(wrong.exitCode != 0 && wrong.errors.contains("\(option): expected"), "\(wrong.errors)")
    }
  }

  @Test("benchmark allreduce measures every size, and says that one process is too few")
  func allReduce() throws {
    struct Result: Decodable {
      struct Message: Decodable {
        var bytes: Int
        var seconds, algorithmBandwidth, busBandwidth: Double
      }
      var processes: Int
      var messages: [Message]
    }
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run("benchmark", "allreduce", "--processes", "3", "--largest", "1", "--json")
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let result = try decode(Result.self, outcome.output)
    #expect(result.processes == 3 && result.messages.map(\.bytes) == [4, 64, 1024, 16384, 262144, 1_048_576])
    for message in result.messages {
      #expect(message.seconds > 0 && message.seconds < 10)
      #expect(abs(message.algorithmBandwidth * message.seconds / Double(message.bytes) - 1) < 1e-9)
      #expect(abs(message.busBandwidth / message.algorithmBandwidth - 4.0 / 3) < 1e-9)
    }
    let alone = try program.run("benchmark", "allreduce")
    #expect(alone.exitCode == 2 && alone.errors.contains("give --processes 2 or more"), "\(alone.errors)")
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(json.utf8))
  }
}
