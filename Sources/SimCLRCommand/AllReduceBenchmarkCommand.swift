import ArgumentParser
import Launching
import Pretraining
import TorchDistributed

struct AllReduceBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allreduce",
    abstract: "Measure how fast processes add tensors up.",
    usage: "simclr benchmark allreduce --processes N [distributed.key=value …] [--json]",
    discussion: """
      All-reduces of messages of growing size, one after another. Latency is the median, in the process where it is \
      longest. Algorithm bandwidth is the message's size by that; bus bandwidth is 2 (W − 1) / W times as much, what a \
      ring sends from each process.
      """)

  @Argument(
    help: .init("Values that replace the configuration's, such as distributed.interface.", valueName: "key=value"))
  var overrides: [String] = []

  @Option(help: "The largest message in mebibytes.")
  var largest = 64

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "SEVERAL PROCESSES")
  var launch: LaunchOptions

  func validate() throws {
    guard 1...1024 ~= largest else { throw ValidationError("--largest: expected 1 to 1024, got \(largest)") }
  }

  func run() throws {
    func readConfiguration() throws -> ResolvedConfiguration {
      try Configuration(yaml: "", overrides: overrides).resolved()
    }
    if let code = try launch.superviseIfAsked(readConfiguration, holding: StoreHost(), sharesBatches: false) {
      throw code
    }
    let console = Console()
    defer { console.endLive() }
    try withOtherProcesses(readConfiguration) { _, world in
      guard world.isDistributed else {
        throw LaunchError(
          "one process has nobody to exchange with", advice: "give --processes 2 or more", isWrongUsage: true)
      }
      let benchmark = AllReduceBenchmark(largestBytes: largest << 20)
      let result = try benchmark.run(with: world) { if world.isFirst { console.live("messages of \($0) bytes") } }
      guard world.isFirst else { return }
      if json { try console.json(result) } else { console.result(result.table) }
    }
  }
}
