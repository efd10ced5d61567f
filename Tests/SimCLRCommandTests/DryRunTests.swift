import Foundation
import Pretraining
import Testing

@Suite struct DryRunTests {
  private func estimate(_ program: Program, _ arguments: String...) throws -> MemoryEstimate {
    let outcome = try program.finish(program.start(["pretrain", "recipe.yaml"] + arguments + ["--dry-run", "--json"]))
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(MemoryEstimate.self, from: Data(outcome.output.utf8))
  }

  @Test("a dry run says what memory the model and each image take, and writes nothing")
  func figures() throws {
    let program = try Program()
    defer { program.remove() }
    let before = try program.files()
    let plain = try estimate(program)
    #expect(plain.modelBytes >= 4 * plain.parameterCount && plain.optimizerBytes == 4 * plain.parameterCount)
    #expect(plain.gradientBytes >= 4 * plain.parameterCount)
    #expect(plain.imagesAtOnce == 4 && plain.globalBatchSize == 4 && plain.device == "cpu" && plain.precision == "fp32")
    #expect(
      plain.totalBytes == plain.modelBytes + plain.optimizerBytes + plain.gradientBytes + 4 * plain.bytesPerImage)
    #expect(try #require(plain.largestGlobalBatchSize) > 1000)
    #expect(try program.files() == before)

    let recomputed = try estimate(program, "training.activation_checkpointing=blocks")
    #expect(recomputed.bytesPerImage * 2 < plain.bytesPerImage)
    let large = try estimate(program, "augmentation.image_size=32", "encoder.stem=cifar")
    #expect((3.5...4.5).contains(Double(large.bytesPerImage) / Double(plain.bytesPerImage)))
  }

  @Test("with several processes and parts, the batch that fits is theirs together")
  func processes() throws {
    let program = try Program()
    defer { program.remove() }
    let alone = try estimate(program)
    let together = try estimate(
      program, "training.global_batch_size=16", "training.accumulation_steps=2", "--processes", "2")
    #expect(together.processes == 2 && together.accumulationSteps == 2 && together.imagesAtOnce == 4)
    // Parts go through the network view by view, so an image takes about half.
    #expect(together.bytesPerImage < alone.bytesPerImage)
    #expect(try #require(together.largestGlobalBatchSize).isMultiple(of: 4))
  }

  @Test("a dry run tells people what fits, needs no --output, and finds what is wrong with the data")
  func words() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run("pretrain", "recipe.yaml", "--dry-run")
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("memory of the process on cpu, fp32, nothing was written"))
    #expect(outcome.output.contains("are free: training.global_batch_size="))
    let missing = try program.run("pretrain", "recipe.yaml", "data.path=nowhere", "--dry-run")
    #expect(missing.exitCode != 0 && missing.errors.contains("nowhere"), "\(missing.errors)")
    let json = try program.run("pretrain", "recipe.yaml", "--output", "run", "--json")
    #expect(json.exitCode == 2 && json.errors.contains("--json: expected with --dry-run or --keys"), "\(json.errors)")
  }

  @Test("metrics say the most memory that was taken so far")
  func metrics() throws {
    let program = try Program()
    defer { program.remove() }
    let outcome = try program.run("pretrain", "recipe.yaml", "training.maximum_steps=2", "--output", "run")
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let text = try String(contentsOf: program.folder.appendingPathComponent("run/metrics.jsonl"), encoding: .utf8)
    let peaks = try text.split(separator: "\n").compactMap { line in
      (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["peak_memory_bytes"] as? Int
    }
    #expect(peaks.count == 2 && peaks[0] > 50 << 20 && peaks[1] >= peaks[0])
  }
}
