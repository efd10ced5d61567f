import ArgumentParser
import Foundation
import Keys
import Launching
import Loading
import Pretraining
import Torch

/// How many processes do the work, for every command that several can do together.
///
/// Workers get the same arguments as their supervisor and tell themselves apart by their environment. A command calls
/// ``superviseIfAsked(_:holding:resumeArgument:)`` before it does anything of its own, and goes on where that gives nil:
/// as a worker (`RankEnvironment.detect`), or alone.
struct LaunchOptions: ParsableArguments {
  @Option(help: .init("Processes on this machine, each with its share of the cores.", valueName: "N"))
  var processes = 1

  @Option(help: .init("Machines. Start the same command on each, with its own --node-rank.", valueName: "M"))
  var nodes = 1

  @Option(help: .init("The number of this machine, from 0.", valueName: "I"))
  var nodeRank: Int?

  @Option(
    help: .init(
      "With several machines: a name or address of node 0 and a free port there. They share a secret in SIMCLR_JOB_TOKEN.",
      valueName: "HOST:PORT"))
  var rendezvous: String?

  @Option(help: .init("How often to start all processes again when one fails.", valueName: "K"))
  var maxRestarts = 0

  /// Runs the command in workers if the options ask for it and this process is none itself.
  ///
  /// - Parameters:
  ///   - read: reads the configuration, so that what is wrong with it is said before a worker starts.
  ///   - host: holds the store where workers meet; asked for one only when there are several.
  ///   - resumeArgument: what has a restarted command go on from its last checkpoint.
  ///   - sharesBatches: whether processes divide the configuration's batches.
  ///   - canGoOn: whether there is a checkpoint that a later command can go on from.
  /// - Returns: the exit code of the whole, whose failure has been reported; nil when this process has to do the work.
  /// - Throws: `LaunchError`; what `read` and the store's host throw.
  func superviseIfAsked(
    _ read: () throws -> ResolvedConfiguration, holding host: any RendezvousHost, resumeArgument: String? = nil,
    sharesBatches: Bool = true, canGoOn: @escaping () -> Bool = { false }
  ) throws -> ExitCode? {
    let variables = ProcessInfo.processInfo.environment
    guard !RankEnvironment.isSupervised(variables) else { return nil }
    let plan = try plan(token: variables[SupervisorVariable.token.rawValue])
    guard plan.worldSize > 1 || plan.maximumRestarts > 0 else { return nil }
    if plan.nodes == 1 { try refuseAnotherLauncher() }
    let training = try read().training
    if sharesBatches { try training.confirmDivides(among: plan.worldSize) }
    try confirmRoom(for: plan.processesPerNode)
    let outcome = try Supervisor(
      plan, program: .current(resumeArgument: resumeArgument), host: host, canGoOn: canGoOn,
      settingName: SettingNames.name(of:)
    ).run()
    if let failure = outcome.failure { Console.report(failure) }
    return ExitCode(outcome.exitCode)
  }

  private func plan(token: String?) throws -> SupervisionPlan {
    let endpoint = try rendezvous.map { text in
      guard let endpoint = Endpoint(text) else {
        throw LaunchError(
          "--rendezvous", expected: "HOST:PORT such as node-a:29400", got: "'\(text)'", isWrongUsage: true)
      }
      return endpoint
    }
    return try SupervisionPlan(
      processesPerNode: processes, nodes: nodes, nodeRank: nodeRank, rendezvous: endpoint, token: token,
      maximumRestarts: maxRestarts)
  }

  /// A number with a digit too many would take all memory before anybody could stop it.
  private func confirmRoom(for processes: Int) throws {
    let (leastMegabytes, freeMegabytes) = (64, ProcessMemory.availableMegabytes ?? .max)
    let most = min(max(64, 16 * Cores.available), freeMegabytes / leastMegabytes)
    guard processes > max(most, 1) else { return }
    throw LaunchError(
      "--processes \(processes): this machine has \(Cores.available) cores and \(freeMegabytes) MB of memory left, which is room for \(max(most, 1)) at most",
      isWrongUsage: true)
  }

  /// Each of the processes that torchrun or Slurm started would train on its own, into the same folder.
  private func refuseAnotherLauncher() throws {
    guard let rank = try LaunchPlace.ofThisProcess().rank else { return }
    throw LaunchError(
      "this process is rank \(rank.rank) of \(rank.worldSize), started by \(rank.launcher.rawValue)",
      advice:
        "leave --processes and --max-restarts out, or have it start one process on each machine and give --nodes",
      isWrongUsage: true)
  }
}

extension TrainingConfiguration {
  fileprivate func confirmDivides(among processes: Int) throws {
    do {
      try EpochSampler.confirmDivides(
        globalBatchSize, worldSize: processes, accumulationSteps: accumulationSteps)
    } catch let error as LoadingError {
      throw ConfigurationError(error.explanation.named(Configuration.name(of:)))
    }
  }
}
