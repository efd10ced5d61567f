/// Which of a job's processes this one is and where they meet, as their launcher's environment variables say.
public struct RankEnvironment: Equatable, Sendable {
  /// Who started the processes; the value is its name in messages.
  public enum Launcher: String, Sendable, CaseIterable {
    /// `simclr … --processes N`.
    case simclr
    /// `torchrun`, which sets `LOCAL_RANK` besides `RANK`.
    case torchrun
    /// Kubeflow's PyTorchJob, and whoever sets `RANK` and `WORLD_SIZE` and no `LOCAL_RANK`.
    case kubeflow = "Kubeflow (PyTorchJob)"
    /// Open MPI's `mpirun`.
    case openMPI = "mpirun (Open MPI)"
    /// `mpiexec` of MPICH, Intel MPI and relatives.
    case mpich = "mpiexec (MPICH)"
    /// `srun`.
    case slurm = "Slurm"
  }

  /// Who holds the store that the processes meet at.
  public enum StoreHost: Sendable {
    /// Rank 0 of the training.
    case rankZero
    /// A process that is not part of the training (a supervisor, torchrun's agent): every rank is a client.
    case external
  }

  public var launcher: Launcher
  /// 0 to `worldSize` − 1, over all machines.
  public var rank: Int
  /// 0 to `localWorldSize` − 1, on this machine.
  public var localRank: Int
  /// Processes on all machines, at least 2.
  public var worldSize: Int
  /// Processes on this machine. Where a launcher does not say it, `localRank` + 1: the number that is certain.
  public var localWorldSize: Int
  /// The machine's number, where the launcher says it.
  public var nodeRank: Int?
  /// Where the store listens.
  public var rendezvous: Endpoint
  public var storeHost: StoreHost
  /// The launcher's name for the job; empty where it has none.
  public var jobID: String
  /// What only this job's processes know (`SIMCLR_JOB_TOKEN`); empty where nobody set it.
  public var token: String
  /// How often the job was started before: 0 the first time.
  public var attempt: Int

  /// Describes a rank.
  public init(
    launcher: Launcher, rank: Int, localRank: Int, worldSize: Int, localWorldSize: Int, nodeRank: Int? = nil,
    rendezvous: Endpoint, storeHost: StoreHost, jobID: String = "", token: String = "", attempt: Int = 0
  ) {
    self.launcher = launcher
    self.rank = rank
    self.localRank = localRank
    self.worldSize = worldSize
    self.localWorldSize = localWorldSize
    self.nodeRank = nodeRank
    self.rendezvous = rendezvous
    self.storeHost = storeHost
    self.jobID = jobID
    self.token = token
    self.attempt = attempt
  }

  /// Reads the variables of the first launcher, in the order of ``Launcher``, that left its own.
  ///
  /// - Returns: nil for a process alone: no launcher, or one that started a single process.
  /// - Throws: ``LaunchError`` (wrong usage) when the variables do not fit together.
  public static func detect(in variables: [String: String]) throws -> RankEnvironment? {
    let reader = VariableReader(variables)
    guard let launcher = reader.launcher else { return nil }
    guard let rank = try launcher.read(reader) else { return nil }
    try rank.check()
    return rank
  }

  /// Whether a supervisor of this program started the process that has these variables.
  public static func isSupervised(_ variables: [String: String]) -> Bool {
    variables[SupervisorVariable.rank.rawValue] != nil
  }

  private func check() throws {
    let ranges = [("rank", rank, worldSize), ("local rank", localRank, localWorldSize)]
    for (name, value, count) in ranges where value >= count {
      throw LaunchError.usage(
        "\(launcher.rawValue) says \(name) \(value) of \(count) processes: expected 0 to \(count - 1). "
          + "Look for variables left over from another job")
    }
    if localWorldSize > worldSize {
      throw LaunchError.usage(
        "\(launcher.rawValue) says \(localWorldSize) processes on this machine, of \(worldSize) on all: "
          + "look for variables left over from another job")
    }
  }
}

/// The variables that the supervisor sets for its workers.
public enum SupervisorVariable: String, Sendable, CaseIterable {
  case rank = "SIMCLR_RANK"
  case localRank = "SIMCLR_LOCAL_RANK"
  case worldSize = "SIMCLR_WORLD_SIZE"
  case localWorldSize = "SIMCLR_LOCAL_WORLD_SIZE"
  case nodeRank = "SIMCLR_NODE_RANK"
  /// `host:port` of the store, which the supervisor of node 0 holds.
  case rendezvous = "SIMCLR_RENDEZVOUS"
  /// A secret of the job. People set it too, for several machines.
  case token = "SIMCLR_JOB_TOKEN"
  /// 0, then 1 and so on after restarts.
  case attempt = "SIMCLR_ATTEMPT"
  /// The cores a worker is pinned to, as `0,1,2`; not set when it is not pinned. For information.
  case cores = "SIMCLR_CORES"
  /// 1 when what a worker writes to standard error comes out at a terminal.
  case terminal = "SIMCLR_TERMINAL"
  /// The number of the descriptor that a worker writes to why it failed (``WorkerReport``).
  case report = "SIMCLR_REPORT"
}
