import Foundation

/// Starts the workers of one machine, holds the store they meet at, and sees to it that they end together.
///
/// It runs on the calling thread, and that thread's end ends the workers, even by SIGKILL.
public struct Supervisor {
  /// How a job ended.
  public struct Outcome: Equatable, Sendable {
    /// 0 done; 1 or 2 as the worker that failed first; 75 stopped by a signal after a checkpoint; 128 + signal stopped
    /// without one.
    public let exitCode: Int32
    /// Why it failed.
    public let failure: Explanation?
  }

  private let plan: SupervisionPlan
  private let program: WorkerProgram
  private let host: any RendezvousHost
  private let output: SharedErrorOutput
  private let canGoOn: () -> Bool
  private let settingName: (Setting) -> String?

  /// - Parameters:
  ///   - host: holds the store while the job runs; not used for a worker alone and on machines other than node 0.
  ///   - errors: where the workers' texts go.
  ///   - canGoOn: whether there is a checkpoint that a later command can go on from.
  ///   - settingName: the key or flag of a setting, for what is shown while it runs.
  public init(
    _ plan: SupervisionPlan, program: WorkerProgram, host: any RendezvousHost, errors: Int32 = STDERR_FILENO,
    canGoOn: @escaping () -> Bool = { false }, settingName: @escaping (Setting) -> String? = { _ in nil }
  ) {
    self.plan = plan
    self.program = program
    self.host = host
    self.canGoOn = canGoOn
    self.settingName = settingName
    output = SharedErrorOutput(errors)
  }

  /// Runs the job to its end, restarts included.
  ///
  /// - Throws: what the store's host throws; ``LaunchError`` when a worker cannot be started.
  public func run() throws -> Outcome {
    // First, so that no thread of the store's host can take a signal before it is watched.
    let signals = try SignalPipe()
    let rendezvous = try startStore()
    defer { if plan.needsStore { host.stop() } }
    var attempt = 0
    while true {
      let (workers, stop) = try startWorkers(attempt, rendezvous, signals)
      if let stop { return outcome(.interrupted(signal: stop, isCutShort: false)) }
      let group = WorkerGroup(workers, signals: signals, output: output, killDelay: plan.killDelay)
      let ending = group.run()
      guard case .failed(let worker, let cause) = ending, mayRestart(cause, attempt), !group.wasAskedToStop else {
        output.endLine()
        return outcome(ending)
      }
      attempt += 1
      announce(attempt, worker, cause)
    }
  }

  /// One store serves all attempts, which tell their keys apart by token and attempt.
  private func startStore() throws -> Endpoint {
    let place = plan.rendezvous ?? Endpoint(host: "127.0.0.1", port: 0)
    guard plan.needsStore else { return place }
    return Endpoint(host: place.host, port: try host.start(listeningOn: place.host, port: place.port))
  }

  /// Starts all, or none where a signal to stop comes meanwhile.
  private func startWorkers(_ attempt: Int, _ rendezvous: Endpoint, _ signals: SignalPipe) throws
    -> (workers: [Worker], stop: Int32?)
  {
    let shares = Cores.divide(Cores.ofThisProcess(), among: plan.processesPerNode)
    let token = plan.token ?? Self.randomToken()
    var workers: [Worker] = []
    do {
      for (localRank, cores) in shares.enumerated() {
        if let stop = signals.take().first {
          end(workers)
          return ([], stop)
        }
        let rank = plan.nodeRank * plan.processesPerNode + localRank
        workers.append(
          try Worker(
            rank: rank, executable: program.executable, arguments: program.arguments(forAttempt: attempt),
            environment: environment(rank, localRank, attempt, rendezvous, token, cores), cores: cores))
      }
      return (workers, nil)
    } catch {
      end(workers)
      throw error
    }
  }

  private func end(_ workers: [Worker]) {
    for worker in workers {
      worker.killGroup()
      while !worker.noticeEnd(output) { usleep(1000) }
    }
  }

  private func environment(
    _ rank: Int, _ localRank: Int, _ attempt: Int, _ rendezvous: Endpoint, _ token: String, _ cores: [Int]
  ) -> [String: String] {
    let variables: [SupervisorVariable: String] = [
      .rank: String(rank), .localRank: String(localRank), .worldSize: String(plan.worldSize),
      .localWorldSize: String(plan.processesPerNode), .nodeRank: String(plan.nodeRank),
      .rendezvous: rendezvous.description, .token: token, .attempt: String(attempt),
    ]
    var all = program.environment
    for variable in SupervisorVariable.allCases { all[variable.rawValue] = variables[variable] }
    if output.isTerminal, rank == 0 { all[SupervisorVariable.terminal.rawValue] = "1" }
    if cores.isEmpty {
      // Workers that share cores would each start a thread for every core, and those wait by spinning.
      all["OMP_NUM_THREADS"] = all["OMP_NUM_THREADS"] ?? "1"
    } else {
      all[SupervisorVariable.cores.rawValue] = cores.map(String.init).joined(separator: ",")
    }
    return all
  }

  /// Wrong usage stays wrong.
  private func mayRestart(_ cause: WorkerEnding, _ attempt: Int) -> Bool {
    attempt < plan.maximumRestarts && !cause.isWrongUsage
  }

  private func announce(_ attempt: Int, _ worker: Worker, _ cause: WorkerEnding) {
    let restart = "starting all again from the last checkpoint (restart \(attempt) of \(plan.maximumRestarts))"
    output.endLine()
    if case .killed(let signal) = cause {
      output.line("rank \(worker.rank) was killed by \(WorkerEnding.name(signal)); \(restart)")
    } else {
      let failure = cause.explanation(of: "rank \(worker.rank) failed", reason: worker.reason)
      output.line(failure.text(naming: settingName))
      output.line(restart)
    }
  }

  private func outcome(_ ending: WorkerGroup.Ending) -> Outcome {
    switch ending {
    case .finished: Outcome(exitCode: 0, failure: nil)
    case .stopped: Outcome(exitCode: WorkerEnding.stoppedCode, failure: nil)
    case .interrupted(_, isCutShort: false) where canGoOn(): stoppedToGoOn()
    case .interrupted(let signal, _):
      Outcome(
        exitCode: 128 + signal,
        failure: Explanation(
          "stopped by \(WorkerEnding.name(signal)) without a checkpoint of this moment. Go on from the last one with the same command\(ifNamed: .resuming, after: " and ")"
        ))
    case .failed(let worker, let cause):
      Outcome(exitCode: cause.failureCode, failure: explanation(of: worker, cause))
    }
  }

  /// For workers that ended before they could say so themselves.
  private func stoppedToGoOn() -> Outcome {
    let text: Wording =
      "stopped. Go on from the last checkpoint with the same command\(ifNamed: .resuming, after: " and ")"
    output.line(text.text(naming: settingName))
    return Outcome(exitCode: WorkerEnding.stoppedCode, failure: nil)
  }

  /// Wrong usage is no rank's: all have the same arguments.
  private func explanation(of worker: Worker, _ cause: WorkerEnding) -> Explanation {
    if cause.isWrongUsage, let reason = worker.reason { return reason }
    return cause.explanation(of: "rank \(worker.rank)", reason: worker.reason)
  }

  /// 256 bits from the system's generator, in hexadecimal.
  private static func randomToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
