import ArgumentParser
import Foundation
import Launching
import Pretraining
import Torch
import TorchDistributed

struct PretrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain",
    abstract: "Train an encoder without labels.",
    usage: """
      simclr pretrain CONFIG.yaml [section.key=value …] --output RUN [--processes N] [--resume]
      simclr pretrain --keys [SECTION|KEY …]
      """,
    discussion: """
      Every key of the configuration may be left out; `simclr pretrain --keys` says which there are and what they do, \
      `simclr pretrain CONFIG.yaml --print-configuration` prints the values that hold. Overrides go on top of the file:
        simclr pretrain Configurations/cifar10-resnet18-slim.yaml data.path=data/cifar10 training.epochs=20 --output runs/a

      Ctrl-C saves a checkpoint and leaves with exit code 75, as do the signals of schedulers (SIGTERM, SIGHUP, SIGUSR1, \
      SIGUSR2, SIGXCPU, SIGPWR, …) and training.time_limit; the same command with --resume goes on from there, \
      exactly as if it had not been stopped. With --max-restarts it does so by itself after a failure.

      More epochs than a run has are another run, for the learning rate follows all of them: --from begins it with the \
      weights of the first, and its schedule anew.
      """)

  @Argument(help: .init("A configuration in YAML.", valueName: "CONFIG.yaml"))
  var recipe: String?

  @Argument(help: .init("Values that replace the configuration's.", valueName: "section.key=value"))
  var overrides: [String] = []

  @Option(help: .init("The folder of the run: configuration, metrics, checkpoints.", valueName: "RUN"))
  var output: String?

  @Flag(help: "Go on from the latest checkpoint of RUN; start there if there is none.")
  var resume = false

  @Option(
    help: .init(
      "Begin a new run with the weights of another: its encoder's, and its method's if that is the same; or of a file.",
      valueName: "RUN|FILE"))
  var from: String?

  @Flag(help: "Print the configuration with every key, and do nothing else.")
  var printConfiguration = false

  @Flag(
    help: "Print what keys there are, or those of a SECTION or KEY given in place of the file, and do nothing else.")
  var keys = false

  @Flag(help: "Say what memory training would take and which batch would fit, and do nothing else.")
  var dryRun = false

  @Flag(help: "With --dry-run or --keys: print one JSON object.")
  var json = false

  @Flag(help: "With --keys: print all of them as Docs/Configuration.md has them.")
  var markdown = false

  @OptionGroup(title: "SEVERAL PROCESSES")
  var launch: LaunchOptions

  func validate() throws {
    if json && !dryRun && !keys {
      throw ValidationError("--json: expected with --dry-run or --keys; a run's figures are in RUN/metrics.jsonl")
    }
    if markdown && !keys { throw ValidationError("--markdown: expected with --keys") }
    if keys { return }
    if recipe == nil { throw ValidationError("Missing expected argument '<CONFIG.yaml>'") }
    if output == nil && !printConfiguration && !dryRun {
      throw ValidationError("Missing expected argument '--output <RUN>'")
    }
  }

  func run() throws {
    let start = ContinuousClock.now
    let console = Console()
    if keys { return try printKeys(console) }
    if printConfiguration {
      let configuration = try readConfiguration()
      Console.noteUnusedKeys(of: configuration)
      return console.result(configuration.yaml())
    }
    guard !dryRun, let output else { return try estimateMemory(console) }
    let folder = RunFolder(URL(fileURLWithPath: output))
    let canGoOn = { @Sendable in (try? Checkpoint.latest(in: folder)) != nil }
    let code = try launch.superviseIfAsked(
      readConfiguration, holding: StoreHost(), resumeArgument: "--resume", canGoOn: canGoOn)
    if let code { throw code }
    let stop = StopSignal(canGoOn: canGoOn)
    TorchRuntime.keepFreedMemory()
    // Also before an error: it begins its own line.
    defer { console.endLive() }
    let (outcome, isFirst) = try withOtherProcesses(readConfiguration) { configuration, world in
      let goesOn = try world.valueOfRankZero(world.sharingFailures { try world.isFirst && resume && folder.holdsRun })!
      let training =
        goesOn
        ? try Pretraining.resume(configuration, in: folder, with: world)
        : try Pretraining.start(configuration, in: folder, with: world)
      var progress = TrainingProgress(console, rank: world.rank)
      let outcome = try stop.whileTraining {
        try training.train(
          onOwnCores: true, report: { progress.show($0) }, since: start, shouldStop: { stop.isSet })
      }
      return (outcome, world.isFirst)
    }
    console.endLive()
    switch outcome {
    case .finished(let step): if isFirst { console.note("done after \(step) steps: \(output)") }
    case .stopped(let step):
      if isFirst { console.note("stopped and saved after step \(step). Go on with the same command and --resume") }
      throw ExitCode.stoppedBySignal
    }
  }

  private func estimateMemory(_ console: Console) throws {
    if let code = try launch.superviseIfAsked(readConfiguration, holding: StoreHost()) { throw code }
    try withOtherProcesses(readConfiguration) { configuration, world in
      let estimate = try MemoryEstimate(configuration, with: world)
      guard world.isFirst else { return }
      Console.noteUnusedKeys(of: configuration)
      if json { try console.json(estimate) } else { console.result(estimate.table) }
    }
  }

  private func readConfiguration() throws -> ResolvedConfiguration {
    let file = URL(fileURLWithPath: recipe ?? "")
    let configuration = try Configuration(contentsOf: file, overrides: overrides).resolved()
    // A run that goes on has its weights.
    guard let from, try !(resume && output.map { try RunFolder(URL(fileURLWithPath: $0)).holdsRun } ?? false) else {
      return configuration
    }
    let weights = try OtherWeights(path: from).overrides(for: configuration)
    return try Configuration(contentsOf: file, overrides: overrides + weights).resolved()
  }

  /// What was given in place of the file and its overrides names sections and keys.
  private func printKeys(_ console: Console) throws {
    let topics = (recipe.map { [$0] } ?? []) + overrides
    if markdown { return console.result(ConfigurationReference.markdown) }
    let reference = try ConfigurationReference(of: topics)
    if json { try console.json(reference) } else { console.result(reference.text) }
  }
}
