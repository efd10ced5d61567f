import ArgumentParser
import Pretraining
import Torch
import TorchDistributed

struct LossBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loss",
    abstract: "Measure NT-Xent, forward and backward.",
    usage: "simclr benchmark loss [--pairs N] [--dim D] [--processes N] [section.key=value …] [--json]",
    discussion: """
      The loss of random projections and its gradient: the median over runs, after one to warm up, and the most memory it \
      takes beyond the projections (what tensors have, or on the CPU resident memory where that is more). Beside it what \
      its matrix products alone would take, at a rate measured here.
      """)

  @Argument(
    help: .init("Values that replace the configuration's, such as training.threads.", valueName: "section.key=value"))
  var overrides: [String] = []

  @Option(help: "Pairs of views, over all processes.")
  var pairs = 4096

  @Option(help: "Elements of a projection.")
  var dim = 128

  @Option(help: "The temperature τ that divides the cosines.")
  var temperature = 0.5

  @Option(help: "Type of the projections, as `training.precision` names it; the loss of half precision is float32.")
  var precision = Precision.fp32

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device = "auto"

  @Option(help: "Runs, of which the median counts.")
  var runs = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "SEVERAL PROCESSES")
  var launch: LaunchOptions

  enum Precision: String, ExpressibleByArgument, CaseIterable {
    case fp32, bf16, fp64
  }

  func validate() throws {
    guard pairs >= 1 else { throw ValidationError("--pairs: expected at least 1, got \(pairs)") }
    guard dim >= 1 else { throw ValidationError("--dim: expected at least 1, got \(dim)") }
    guard temperature > 0, temperature.isFinite else {
      throw ValidationError("--temperature: expected a number above 0, got \(temperature)")
    }
    guard runs >= 1 else { throw ValidationError("--runs: expected at least 1, got \(runs)") }
  }

  func run() throws {
    if let code = try launch.superviseIfAsked(readConfiguration, holding: StoreHost()) { throw code }
    TorchRuntime.returnFreedMemory()
    let console = Console()
    defer { console.endLive() }
    try withOtherProcesses(readConfiguration) { configuration, world in
      var benchmark = LossBenchmark(configuration, with: world)
      (benchmark.pairs, benchmark.dimension, benchmark.runs) = (pairs, dim, runs)
      let figures = try benchmark.run { run, count in
        if world.isFirst { console.live("run \(run) of \(count)") }
      }
      guard world.isFirst else { return }
      if json { try console.json(figures) } else { console.result(figures.table) }
    }
  }

  private func readConfiguration() throws -> ResolvedConfiguration {
    let options = [
      "loss.temperature=\(temperature)", "training.precision=\(precision.rawValue)", "training.device=\(device)",
    ]
    return try Configuration(yaml: "", overrides: options + overrides).resolved()
  }
}

extension LossFigures {
  /// The same for people.
  var table: String {
    """
    \(seconds.fixed(4)) s forward and backward (median of \(runSeconds.count)), \((operationsPerSecond / 1e9).fixed(1)) GFLOP/s
    its matrix products alone: \(productSeconds.fixed(4)) s at \((productOperationsPerSecond / 1e9).fixed(1)) GFLOP/s; \
    exponentials: \((Double(exponentials) / 1e6).fixed(1)) million
    \(pairs) pairs of \(dimension) elements, temperature \(temperature), \(precision) on \(device), \
    \(processes) process\(processes == 1 ? "" : "es") of \(threadsPerProcess) thread\(threadsPerProcess == 1 ? "" : "s")
    memory beyond the projections, of a process: \((Double(peakBytes) / 1_048_576).fixed(1)) MiB
    """
  }
}
