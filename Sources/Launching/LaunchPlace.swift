import Foundation

/// Where a process stands among others, if the launcher whose variables it has did start it.
///
/// Variables outlive their launcher: in a script of sbatch's that calls no srun, in a shell that was opened in a pod, in a
/// file of settings. A process that believed them would wait for others that nobody started.
public struct LaunchPlace: Sendable {
  /// Nil for a process alone.
  public let rank: RankEnvironment?
  /// Why variables of a launcher are passed over, for people; nil where there are none.
  public let remark: String?
  /// Of how many processes those variables are, where as many could be started here instead; nil where there are none.
  public let processCount: Int?

  /// Of this process. It is found out once: within a second where nothing shows a launcher.
  ///
  /// - Throws: ``LaunchError`` (wrong usage) when the variables do not fit together.
  public static func ofThisProcess() throws -> LaunchPlace { try found.get() }

  private static let found = Result {
    try LaunchPlace(ProcessInfo.processInfo.environment, among: RunningProcesses(), patience: .milliseconds(800))
  }

  /// - Parameters:
  ///   - processes: those of this machine.
  ///   - patience: how long another process of the job is looked for where no launcher is to be seen.
  package init(_ variables: [String: String], among processes: some ProcessTable, patience: Duration) throws {
    let reader = VariableReader(variables)
    if let tasks = reader.slurmTasksOfOthers, tasks > 1, reader.launcher == nil {
      (rank, processCount) = (nil, tasks)
      remark =
        "Slurm's variables are of \(tasks) tasks, but srun did not start this process: training alone. Start it with srun to "
        + "train with all"
      return
    }
    if let doubt = Doubt(reader), !doubt.isDispelled(by: processes, patience: patience) {
      (rank, remark, processCount) = (nil, doubt.remark, doubt.processCount)
      return
    }
    (rank, remark, processCount) = (try RankEnvironment.detect(in: variables), nil, nil)
  }
}

/// What else there has to be where a launcher's variables alone prove nothing.
private struct Doubt {
  let launcher: RankEnvironment.Launcher
  private let rank: String
  private let size: String
  /// The variables that all processes of the job have alike.
  private let shared: [String: String]
  /// The one that tells them apart.
  private let rankName: String

  /// Nil where the variables are to be believed, or speak of no other process.
  init?(_ variables: VariableReader) {
    guard let launcher = variables.launcher else { return nil }
    let names: (rank: String, shared: [String])
    switch launcher {
    case .openMPI: names = ("OMPI_COMM_WORLD_RANK", ["OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE"])
    case .mpich: names = ("PMI_RANK", ["PMI_SIZE", "PMI_JOBID"])
    case .kubeflow: names = ("RANK", ["WORLD_SIZE", "MASTER_ADDR"])
    case .simclr, .torchrun, .slurm: return nil
    }
    guard let rank = variables[names.rank], let size = variables[names.shared[0]], size != "1" else { return nil }
    (self.launcher, self.rank, self.size, rankName) = (launcher, rank, size, names.rank)
    shared = Dictionary(uniqueKeysWithValues: names.shared.compactMap { name in variables[name].map { (name, $0) } })
  }

  var remark: String {
    guard launcher != .kubeflow else {
      return
        "the variables of Kubeflow (PyTorchJob) belong to the main process of this container, which did not start this "
        + "one: training alone"
    }
    return
      "the variables of \(launcher.rawValue) are of \(size) processes, but it did not start this one, and no other is "
      + "there: training alone. Start it with mpirun to train with all"
  }

  /// A container's share of a job is its own: no others can be started beside it.
  var processCount: Int? { launcher == .kubeflow ? nil : Int(size) }

  func isDispelled(by processes: some ProcessTable, patience: Duration) -> Bool {
    guard launcher != .kubeflow else { return !isSecondInContainer(processes) }
    if processes.ancestors.contains(where: { Self.daemons.contains($0.name) }) { return true }
    // Where a container hides what started it, another process of the job shows that there is one.
    let end = ContinuousClock.now + patience
    repeat {
      if processes.others.contains(where: { isSibling(processes.variables(of: $0)) }) { return true }
      usleep(20_000)
    } while ContinuousClock.now < end
    return false
  }

  private func isSibling(_ variables: [String: String]) -> Bool {
    guard let other = variables[rankName], other != rank else { return false }
    return shared.allSatisfy { variables[$0] == $1 }
  }

  /// Pods have one process that trains, the first or a child of it. A shell that `kubectl exec` opens has its variables.
  private func isSecondInContainer(_ processes: some ProcessTable) -> Bool {
    guard !processes.isFirst, !processes.ancestors.contains(where: { $0.number == 1 }) else { return false }
    let first = processes.variables(of: 1)
    return first[rankName] == rank && shared.allSatisfy { first[$0] == $1 }
  }

  /// What stands between an MPI program and whoever called mpirun, by the first 15 letters that the kernel keeps.
  private static let daemons: Set<String> = Set(
    [
      "mpirun", "mpiexec", "orterun", "orted", "prterun", "prted", "prte", "prun", "mpiexec.hydra", "hydra_pmi_proxy",
      "hydra_bstrap_proxy", "pmi_proxy", "mpirun_rsh", "mpispawn", "slurmstepd", "srun", "palsd", "aprun", "apinit",
      "jsrun", "jsm_pmix", "pbs_mom", "mpiexec_mpt",
    ].map { String($0.prefix(15)) })
}
