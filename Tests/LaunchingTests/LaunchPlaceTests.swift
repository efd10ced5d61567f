import Foundation
import Launching
import Testing

/// Launchers that did not start the process which has their variables.
@Suite struct LaunchPlaceTests {
  /// Processes that a test makes up.
  private struct MadeUp: ProcessTable {
    var isFirst = false
    var ancestors: [(number: Int, name: String)] = [(20, "bash"), (1, "init")]
    var environments: [Int: [String: String]] = [:]
    var others: [Int] { Array(environments.keys) }
    func variables(of process: Int) -> [String: String] { environments[process] ?? [:] }
  }

  private static let openMPI = [
    "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4", "PMIX_NAMESPACE": "77",
  ]
  private static let mpich = [
    "PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2", "MASTER_PORT": "29500",
  ]
  private static let kubeflow = [
    "RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "job-master-0", "MASTER_PORT": "23456",
  ]

  private func place(_ variables: [String: String], _ processes: MadeUp = MadeUp()) throws -> LaunchPlace {
    try LaunchPlace(variables, among: processes, patience: .zero)
  }

  @Test("in a script of sbatch's that calls no srun a process trains alone, and says so")
  func slurm() throws {
    let variables = [
      "SLURM_JOB_ID": "77", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "4",
      "SLURM_NNODES": "1", "SLURM_JOB_NODELIST": "node", "SLURM_TASKS_PER_NODE": "4",
    ]
    let alone = try place(variables)
    #expect(alone.rank == nil)
    #expect(
      alone.remark
        == "Slurm's variables are of 4 tasks, but srun did not start this process: training alone. Start it with "
        + "srun to train with all")
    #expect(alone.processCount == 4)
    let task = try place(variables.merging(["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"]) { $1 })
    #expect(task.rank?.worldSize == 4 && task.remark == nil)
    #expect(try place(variables.merging(["SLURM_NTASKS": "1"]) { $1 }).remark == nil)
  }

  @Test(
    "the variables of mpirun count where it, its daemon or another process of the job is there",
    arguments: [openMPI, mpich])
  func mpirun(variables: [String: String]) throws {
    let alone = try place(variables)
    #expect(alone.rank == nil && alone.remark?.contains("but it did not start this one") == true)
    for daemon in ["mpirun", "orted", "hydra_pmi_proxy", "prterun", "slurmstepd"] {
      let started = try place(variables, MadeUp(ancestors: [(9, "bash"), (8, daemon), (1, "init")]))
      #expect(started.rank != nil && started.remark == nil)
    }
    let rank = variables["PMI_RANK"] != nil ? "PMI_RANK" : "OMPI_COMM_WORLD_RANK"
    let sibling = variables.merging([rank: "3"]) { $1 }
    #expect(try place(variables, MadeUp(environments: [5: [:], 6: sibling])).rank != nil)
    // A child has the same rank, and another job another size.
    #expect(try place(variables, MadeUp(environments: [6: variables])).rank == nil)
    let size = variables["PMI_RANK"] != nil ? "PMI_SIZE" : "OMPI_COMM_WORLD_SIZE"
    #expect(try place(variables, MadeUp(environments: [6: sibling.merging([size: "9"]) { $1 }])).rank == nil)
  }

  @Test("a shell in a pod has the variables of the pod's first process, which did not start it")
  func kubeflow() throws {
    let pod = [1: Self.kubeflow]
    let shell = MadeUp(ancestors: [(40, "sh")], environments: pod)
    #expect(try place(Self.kubeflow, shell).remark?.hasSuffix("did not start this one: training alone") == true)
    #expect(try place(Self.kubeflow, MadeUp(isFirst: true, ancestors: [], environments: pod)).rank?.worldSize == 3)
    #expect(try place(Self.kubeflow, MadeUp(environments: pod)).rank?.worldSize == 3)
    // Nor are variables that somebody set by hand doubted.
    #expect(try place(Self.kubeflow, MadeUp(ancestors: [(40, "sh")])).rank?.worldSize == 3)
  }

  @Test("this process has ancestors, and is none of the others")
  func running() {
    let processes = RunningProcesses()
    #expect(processes.ancestors.first?.number == Int(getppid()))
    #expect(!processes.others.contains(Int(getpid())))
    #expect(processes.variables(of: Int(getpid()))["PATH"] != nil)
  }

  @Test("only the same request some time later insists, and only by Ctrl-C, SIGQUIT or SIGTERM")
  func insisting() {
    let start = ContinuousClock.now
    func insists(_ requests: inout StopRequests, _ signal: Int32, after time: Duration) -> Bool {
      requests.insists(signal, at: start + time)
    }
    for signal in [SIGINT, SIGTERM, SIGQUIT] {
      var requests = StopRequests()
      // The second is what a launcher passes on.
      let times = [Duration.zero, .milliseconds(20), .seconds(1)]
      #expect(times.map { insists(&requests, signal, after: $0) } == [false, false, true])
    }
    var warned = StopRequests()
    let warnings = [SIGUSR1, SIGXCPU, SIGXCPU, SIGHUP, SIGHUP, SIGTERM].enumerated()
    #expect(warnings.allSatisfy { !insists(&warned, $1, after: .seconds($0)) })
    #expect(Set(StopRequests.signals).isSuperset(of: [SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGPWR]))
  }
}
