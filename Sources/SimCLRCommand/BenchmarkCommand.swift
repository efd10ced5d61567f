import ArgumentParser
import DataSets
import Foundation
import Launching
import Pretraining
import Torch

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Measure how fast this machine does the work.",
    subcommands: [
      AugmentBenchmarkCommand.self, LossBenchmarkCommand.self, StepBenchmarkCommand.self,
      AllReduceBenchmarkCommand.self,
    ])
}

struct AugmentBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "augment",
    abstract: "Measure how many images a second become two views each.",
    discussion: """
      Files are read and decoded, and two views made of each image by SimCLR's recipe for ImageNet (crop 0.08–1, flip, \
      jitter 0.8/0.8/0.8/0.2 at 0.8, gray 0.2, blur 0.5), normalized, in batches of 64. After a round to warm up come \
      those that are measured, then one that measures its stages.
      """)

  @Option(help: .init("Images: a folder, or whatever `pretrain` reads.", valueName: "DIR"))
  var data: String

  @Option(help: "Side of a view in pixels.")
  var size = 224

  @Option(help: "Threads that decode and augment; 0: as many as there are cores.")
  var threads = 0

  @Option(help: "Images in a round (default: 2000; 20000 for views of up to 64 pixels).")
  var images: Int?

  @Option(help: "Rounds, of which the median counts.")
  var rounds = 5

  @Option(help: "Megabytes of decoded pixels kept from the round before, as `data.cache_megabytes` does in training.")
  var cacheMegabytes = 0

  @Option(help: "Type of the views' elements.")
  var precision = ViewPrecision.fp32

  @Flag(help: "Print one JSON object.")
  var json = false

  enum ViewPrecision: String, ExpressibleByArgument, CaseIterable {
    case fp32, bf16
  }

  func validate() throws {
    guard size >= 1 else { throw ValidationError("--size: expected at least 1 pixel, got \(size)") }
    guard 0...1024 ~= threads else { throw ValidationError("--threads: expected 0 to 1024, got \(threads)") }
    guard images ?? 1 >= 1 else { throw ValidationError("--images: expected at least 1, got \(images!)") }
    guard rounds >= 1 else { throw ValidationError("--rounds: expected at least 1, got \(rounds)") }
    guard cacheMegabytes >= 0 else {
      throw ValidationError("--cache-megabytes: expected at least 0, got \(cacheMegabytes)")
    }
  }

  func run() throws {
    let dataSet = try DataSetLocator(for: .pretraining).locate(
      URL(fileURLWithPath: data), split: .train
    ).images
    var benchmark = AugmentBenchmark(dataSet: dataSet, imageSize: size)
    benchmark.threads = threads > 0 ? threads : Cores.available
    benchmark.imagesPerRound = images ?? (size <= 64 ? 20_000 : 2_000)
    benchmark.rounds = rounds
    benchmark.cacheCapacity = cacheMegabytes << 20
    benchmark.dtype = precision == .bf16 ? .bfloat16 : .float32
    let console = Console()
    let result = try benchmark.run { round in console.live("round \(round) of \(rounds)") }
    console.endLive()
    if json { try console.json(result) } else { console.result(result.table) }
  }
}
