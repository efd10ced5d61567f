import ArgumentParser
import Foundation
import Pretraining
import Torch
import TorchDistributed

struct StepBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Measure how many pairs of views a second are trained on.",
    usage: "simclr benchmark step CONFIG.yaml [section.key=value …] [--processes N] [--steps N] [--json]",
    discussion: """
      Steps of `simclr pretrain` with this configuration, first on one batch that stays in memory, then on batches as \
      training loads them. Without data.path only the first, on noise. Medians over steps, after a few to warm up. No \
      file is written.
      """)

  @Argument(help: .init("A configuration in YAML.", valueName: "CONFIG.yaml"))
  var recipe: String

  @Argument(help: .init("Values that replace the configuration's.", valueName: "section.key=value"))
  var overrides: [String] = []

  @Option(help: "Steps that are measured, in each of the two series.")
  var steps = 10

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "SEVERAL PROCESSES")
  var launch: LaunchOptions

  func validate() throws {
    guard steps >= 1 else { throw ValidationError("--steps: expected at least 1, got \(steps)") }
  }

  func run() throws {
    if let code = try launch.superviseIfAsked(readConfiguration, holding: StoreHost()) { throw code }
    TorchRuntime.keepFreedMemory()
    let console = Console()
    defer { console.endLive() }
    try withOtherProcesses(readConfiguration) { configuration, world in
      var benchmark = StepBenchmark(configuration, with: world)
      benchmark.steps = steps
      let figures = try benchmark.run(onOwnCores: true) { series, step, count in
        if world.isFirst { console.live("\(series): step \(step) of \(count)") }
      }
      guard world.isFirst else { return }
      if json { try console.json(figures) } else { console.result(figures.table) }
    }
  }

  private func readConfiguration() throws -> ResolvedConfiguration {
    try Configuration(contentsOf: URL(fileURLWithPath: recipe), overrides: overrides).resolved()
  }
}

extension StepFigures {
  /// The same for people.
  var table: String {
    """
    \(rates) (median of \(computeStepSeconds.count) steps)
    batch \(globalBatchSize), \(processes) process\(processes == 1 ? "" : "es") of \(threadsPerProcess) \
    thread\(threadsPerProcess == 1 ? "" : "s"), \(precision) on \(device)
    \(waits)
    peak memory of a process: \(peakResidentBytes >> 20) MiB
    """ + (processes > 1 ? "\n" + traffic : "")
  }

  private var rates: String {
    let computing = "\(computePairsPerSecond.fixed(1)) pairs/s on one batch in memory"
    return pairsPerSecond.map { "\($0.fixed(1)) pairs/s with loading, \(computing)" } ?? computing
      + "; no images to load"
  }

  private var waits: String {
    func line(_ wait: Wait) -> String { "\(wait.secondsPerStep.fixed(4)) s a step (\((wait.share * 100).fixed(1)) %)" }
    let data = dataWait.map { "waiting for data: \(line($0)); " } ?? ""
    return data + "for other processes: \(line(communicationWait))"
  }

  private var traffic: String {
    let parts = [
      ("gradients", expectedSentBytes.gradients), ("embeddings", expectedSentBytes.embeddings),
      ("embedding gradients", expectedSentBytes.embeddingGradients), ("loss", expectedSentBytes.contrastSums),
      ("BatchNorm", expectedSentBytes.batchNorm),
      ("running statistics", expectedSentBytes.runningStatistics), ("verdict", expectedSentBytes.verdict),
    ]
    return "sent by a process in a step: \(sentBytesPerStep) bytes; by theory \(expectedSentBytes.total): "
      + parts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
  }
}
