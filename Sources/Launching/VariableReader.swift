/// Reads numbers and places out of environment variables, with errors that name the variable.
struct VariableReader {
  private let variables: [String: String]

  init(_ variables: [String: String]) { self.variables = variables }

  /// The first launcher that left its variables.
  var launcher: RankEnvironment.Launcher? {
    if self[.rank] != nil { return .simclr }
    if self["RANK"] != nil || self["WORLD_SIZE"] != nil { return self["LOCAL_RANK"] != nil ? .torchrun : .kubeflow }
    if self["OMPI_COMM_WORLD_RANK"] != nil { return .openMPI }
    // srun sets PMI_RANK too, where it offers PMI to MPI programs. mpiexec numbers the ranks of a machine besides.
    if self["PMI_RANK"] != nil, self["MPI_LOCALRANKID"] != nil || self["SLURM_PROCID"] == nil { return .mpich }
    if self["SLURM_PROCID"] != nil, isSlurmTask { return .slurm }
    return nil
  }

  /// Whether srun started the process, which numbers its steps from 0. A script that sbatch runs has the variables of a
  /// task 0 of all that were asked for, and is no task: it has no step, or one of the numbers that Slurm keeps for scripts
  /// and shells.
  private var isSlurmTask: Bool {
    if let step = first("SLURM_STEP_ID", "SLURM_STEPID") { return Int(step).map { $0 < 0xFFFF_FFF0 } ?? true }
    return self["SLURM_STEP_NUM_TASKS"] != nil
  }

  /// How many tasks Slurm's variables speak of, where srun did not start the process.
  var slurmTasksOfOthers: Int? {
    self["SLURM_PROCID"] != nil && !isSlurmTask ? self["SLURM_NTASKS"].flatMap { Int($0) } : nil
  }

  /// The variable's text without space around it; nil when there is none.
  subscript(name: String) -> String? {
    guard let value = variables[name] else { return nil }
    let text = value.drop(while: \.isWhitespace)
    guard let end = text.lastIndex(where: { !$0.isWhitespace }) else { return nil }
    return String(text[...end])
  }

  subscript(variable: SupervisorVariable) -> String? { self[variable.rawValue] }

  /// The text of the first variable that is set.
  func first(_ names: String...) -> String? { names.lazy.compactMap { self[$0] }.first }

  /// A whole number that may be absent.
  func number(ifSet name: String, atLeast minimum: Int = 0) throws -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text), value >= minimum else {
      throw LaunchError.usage("\(name): expected a whole number of at least \(minimum), got '\(text)'")
    }
    return value
  }

  /// A whole number that has to be there.
  func number(_ name: String, atLeast minimum: Int = 0, from launcher: RankEnvironment.Launcher) throws -> Int {
    if let value = try number(ifSet: name, atLeast: minimum) { return value }
    throw LaunchError.usage(
      "\(name) is not set, though other variables of \(launcher.rawValue) are: set it, or unset those to train in one "
        + "process")
  }

  /// `MASTER_PORT`, if it is set.
  func masterPort() throws -> Int? {
    guard let text = self["MASTER_PORT"] else { return nil }
    guard let port = Endpoint.port(text) else {
      throw LaunchError.usage("MASTER_PORT: expected a port, 1 to 65535, got '\(text)'")
    }
    return port
  }

  /// The place that `MASTER_ADDR` and `MASTER_PORT` name, or the given defaults.
  func master(defaultHost: String? = nil, defaultPort: Int? = nil, for launcher: RankEnvironment.Launcher) throws
    -> Endpoint
  {
    let host = self["MASTER_ADDR"] ?? defaultHost
    let port = try masterPort() ?? defaultPort
    if let host, let port { return Endpoint(host: host, port: port) }
    let missing = host == nil ? (port == nil ? "MASTER_ADDR and MASTER_PORT are" : "MASTER_ADDR is") : "MASTER_PORT is"
    throw LaunchError.usage(
      "\(missing) not set, and \(launcher.rawValue) does not say where the processes meet: set MASTER_ADDR to a name or "
        + "address of rank 0's machine and MASTER_PORT to a free port there, the same for all processes")
  }
}
