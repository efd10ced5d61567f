extension RankEnvironment.Launcher {
  /// What the launcher's variables say; nil when it started one process only.
  func read(_ variables: VariableReader) throws -> RankEnvironment? {
    switch self {
    case .simclr: try simclr(variables)
    case .torchrun: try torchrun(variables)
    case .kubeflow: try kubeflow(variables)
    case .openMPI: try openMPI(variables)
    case .mpich: try mpich(variables)
    case .slurm: try slurm(variables)
    }
  }

  private func simclr(_ variables: VariableReader) throws -> RankEnvironment? {
    func number(_ variable: SupervisorVariable, atLeast minimum: Int = 0) throws -> Int {
      try variables.number(variable.rawValue, atLeast: minimum, from: self)
    }
    let (rank, worldSize) = (try number(.rank), try number(.worldSize, atLeast: 1))
    guard !isAlone(rank, worldSize) else { return nil }
    let name = SupervisorVariable.rendezvous.rawValue
    guard let text = variables[name], let rendezvous = Endpoint(text) else {
      throw LaunchError.usage("\(name): expected host:port, got '\(variables[name] ?? "")'")
    }
    return RankEnvironment(
      launcher: self, rank: rank, localRank: try number(.localRank), worldSize: worldSize,
      localWorldSize: try number(.localWorldSize, atLeast: 1),
      nodeRank: try variables.number(ifSet: SupervisorVariable.nodeRank.rawValue), rendezvous: rendezvous,
      storeHost: .external, token: variables[.token] ?? "", attempt: try number(.attempt))
  }

  private func torchrun(_ variables: VariableReader) throws -> RankEnvironment? {
    let rank = try variables.number("RANK", from: self)
    let worldSize = try variables.number("WORLD_SIZE", atLeast: 1, from: self)
    guard !isAlone(rank, worldSize) else { return nil }
    let localRank = try variables.number("LOCAL_RANK", from: self)
    return RankEnvironment(
      launcher: self, rank: rank, localRank: localRank, worldSize: worldSize,
      localWorldSize: try variables.number(ifSet: "LOCAL_WORLD_SIZE", atLeast: 1) ?? localRank + 1,
      nodeRank: try variables.number(ifSet: "GROUP_RANK"), rendezvous: try variables.master(for: self),
      storeHost: variables["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true" ? .external : .rankZero,
      jobID: variables["TORCHELASTIC_RUN_ID"] ?? "", token: variables[.token] ?? "",
      attempt: try variables.number(ifSet: "TORCHELASTIC_RESTART_COUNT") ?? 0)
  }

  private func kubeflow(_ variables: VariableReader) throws -> RankEnvironment? {
    let rank = try variables.number("RANK", from: self)
    let worldSize = try variables.number("WORLD_SIZE", atLeast: 1, from: self)
    guard !isAlone(rank, worldSize) else { return nil }
    return RankEnvironment(
      launcher: self, rank: rank, localRank: 0, worldSize: worldSize, localWorldSize: 1, nodeRank: rank,
      rendezvous: try variables.master(for: self), storeHost: .rankZero, token: variables[.token] ?? "")
  }

  private func openMPI(_ variables: VariableReader) throws -> RankEnvironment? {
    let rank = try variables.number("OMPI_COMM_WORLD_RANK", from: self)
    let worldSize = try variables.number("OMPI_COMM_WORLD_SIZE", atLeast: 1, from: self)
    guard !isAlone(rank, worldSize) else { return nil }
    let localWorldSize = try variables.number("OMPI_COMM_WORLD_LOCAL_SIZE", atLeast: 1, from: self)
    let jobID = variables.first("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid")
    let isOneMachine = localWorldSize == worldSize
    return RankEnvironment(
      launcher: self, rank: rank, localRank: try variables.number("OMPI_COMM_WORLD_LOCAL_RANK", from: self),
      worldSize: worldSize, localWorldSize: localWorldSize,
      rendezvous: try variables.master(
        defaultHost: isOneMachine ? "127.0.0.1" : nil,
        defaultPort: isOneMachine ? jobID.map(Endpoint.port(forJob:)) : nil, for: self),
      storeHost: .rankZero, jobID: jobID ?? "", token: variables[.token] ?? "")
  }

  private func mpich(_ variables: VariableReader) throws -> RankEnvironment? {
    let rank = try variables.number("PMI_RANK", from: self)
    let worldSize = try variables.number("PMI_SIZE", atLeast: 1, from: self)
    guard !isAlone(rank, worldSize) else { return nil }
    let localRank = try variables.number("MPI_LOCALRANKID", from: self)
    let localWorldSize = try variables.number(ifSet: "MPI_LOCALNRANKS", atLeast: 1) ?? localRank + 1
    return RankEnvironment(
      launcher: self, rank: rank, localRank: localRank, worldSize: worldSize, localWorldSize: localWorldSize,
      rendezvous: try variables.master(defaultHost: localWorldSize == worldSize ? "127.0.0.1" : nil, for: self),
      storeHost: .rankZero, token: variables[.token] ?? "")
  }

  private func slurm(_ variables: VariableReader) throws -> RankEnvironment? {
    let rank = try variables.number("SLURM_PROCID", from: self)
    let size = variables["SLURM_STEP_NUM_TASKS"] != nil ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS"
    let worldSize = try variables.number(size, atLeast: 1, from: self)
    guard !isAlone(rank, worldSize) else { return nil }
    let localRank = try variables.number("SLURM_LOCALID", from: self)
    let nodeRank = try variables.number(ifSet: "SLURM_NODEID")
    let localWorldSize = try SlurmTasks.onNode(nodeRank ?? 0, variables).map { min($0, worldSize) } ?? localRank + 1
    let jobID = variables.first("SLURM_JOB_ID", "SLURM_JOBID").map { job in
      variables.first("SLURM_STEP_ID", "SLURM_STEPID").map { "\(job).\($0)" } ?? job
    }
    // Rank 0 runs on the step's first machine. Where srun was called (SLURM_LAUNCH_NODE_IPADDR) may be a login node.
    let firstHost =
      localWorldSize == worldSize
      ? "127.0.0.1"
      : try variables.first("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST").map(SlurmHosts.first(of:))
        ?? variables["SLURM_LAUNCH_NODE_IPADDR"]
    return RankEnvironment(
      launcher: self, rank: rank, localRank: localRank, worldSize: worldSize, localWorldSize: localWorldSize,
      nodeRank: nodeRank,
      rendezvous: try variables.master(
        defaultHost: firstHost, defaultPort: jobID.map(Endpoint.port(forJob:)), for: self),
      storeHost: .rankZero, jobID: jobID ?? "", token: variables[.token] ?? "",
      attempt: try variables.number(ifSet: "SLURM_RESTART_COUNT") ?? 0)
  }

  private func isAlone(_ rank: Int, _ worldSize: Int) -> Bool { worldSize == 1 && rank == 0 }
}
