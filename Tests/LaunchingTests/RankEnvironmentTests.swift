import Launching
import Testing

@Suite struct RankEnvironmentTests {
  private static let supervised = [
    "SIMCLR_RANK": "3", "SIMCLR_LOCAL_RANK": "1", "SIMCLR_WORLD_SIZE": "4", "SIMCLR_LOCAL_WORLD_SIZE": "2",
    "SIMCLR_NODE_RANK": "1", "SIMCLR_RENDEZVOUS": "10.0.0.1:29400", "SIMCLR_JOB_TOKEN": "secret", "SIMCLR_ATTEMPT": "2",
  ]
  private static let torchrun = [
    "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
    "MASTER_ADDR": "node-a", "MASTER_PORT": "29500", "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_RUN_ID": "run-7", "TORCHELASTIC_RESTART_COUNT": "1",
  ]
  private static let openMPI = [
    "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "1962016769",
  ]
  private static let slurm = [
    "SLURM_PROCID": "6", "SLURM_LOCALID": "0", "SLURM_NTASKS": "7", "SLURM_STEP_NUM_TASKS": "7", "SLURM_NODEID": "3",
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_STEP_TASKS_PER_NODE": "2(x3),1",
    "SLURM_STEP_NODELIST": "gpu[01-03,07]", "SLURM_LAUNCH_NODE_IPADDR": "10.1.1.1",
  ]

  @Test("without a launcher's variables a process is alone")
  func alone() throws {
    #expect(try RankEnvironment.detect(in: [:]) == nil)
    #expect(try RankEnvironment.detect(in: ["MASTER_ADDR": "x", "MASTER_PORT": "y", "LOCAL_RANK": "0"]) == nil)
    #expect(try RankEnvironment.detect(in: ["RANK": "", "WORLD_SIZE": " "]) == nil)
    #expect(!RankEnvironment.isSupervised(["RANK": "0"]))
  }

  @Test("a launcher that started one process leaves it alone, without asking where to meet")
  func oneProcess() throws {
    let cases = [
      ["RANK": "0", "WORLD_SIZE": "1"], ["RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"],
      ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"], ["PMI_RANK": "0", "PMI_SIZE": "1"],
      ["SLURM_PROCID": "0", "SLURM_NTASKS": "1"], ["SIMCLR_RANK": "0", "SIMCLR_WORLD_SIZE": "1"],
    ]
    for variables in cases { #expect(try RankEnvironment.detect(in: variables) == nil, "\(variables)") }
    #expect(RankEnvironment.isSupervised(["SIMCLR_RANK": "0", "SIMCLR_WORLD_SIZE": "1"]))
  }

  @Test("the supervisor's variables come before those of whoever started it")
  func supervised() throws {
    let variables = Self.supervised.merging(Self.torchrun) { first, _ in first }
    let expected = RankEnvironment(
      launcher: .simclr, rank: 3, localRank: 1, worldSize: 4, localWorldSize: 2, nodeRank: 1,
      rendezvous: Endpoint(host: "10.0.0.1", port: 29400), storeHost: .external, token: "secret", attempt: 2)
    #expect(try RankEnvironment.detect(in: variables) == expected)
  }

  @Test("under torchrun every rank is a client of the agent's store; without that store rank 0 holds it")
  func torchrun() throws {
    var expected = RankEnvironment(
      launcher: .torchrun, rank: 1, localRank: 1, worldSize: 4, localWorldSize: 2, nodeRank: 0,
      rendezvous: Endpoint(host: "node-a", port: 29500), storeHost: .external, jobID: "run-7", attempt: 1)
    #expect(try RankEnvironment.detect(in: Self.torchrun) == expected)
    var variables = Self.torchrun
    variables["TORCHELASTIC_USE_AGENT_STORE"] = "False"
    expected.storeHost = .rankZero
    #expect(try RankEnvironment.detect(in: variables) == expected)
    variables["TORCHELASTIC_USE_AGENT_STORE"] = nil
    variables["LOCAL_WORLD_SIZE"] = nil
    #expect(try RankEnvironment.detect(in: variables) == expected)
  }

  @Test("Kubeflow's pods have RANK and no LOCAL_RANK: one process on each machine")
  func kubeflow() throws {
    let variables = [
      "RANK": "2", "WORLD_SIZE": "3", "MASTER_ADDR": "job-master-0", "MASTER_PORT": " 23456\n",
      "SIMCLR_JOB_TOKEN": "shared",
    ]
    let expected = RankEnvironment(
      launcher: .kubeflow, rank: 2, localRank: 0, worldSize: 3, localWorldSize: 1, nodeRank: 2,
      rendezvous: Endpoint(host: "job-master-0", port: 23456), storeHost: .rankZero, token: "shared")
    #expect(try RankEnvironment.detect(in: variables) == expected)
  }

  @Test("Open MPI on one machine meets on loopback, at a port that follows from the job")
  func openMPIOnOneMachine() throws {
    let rank = try #require(try RankEnvironment.detect(in: Self.openMPI))
    #expect(rank.launcher == .openMPI && rank.rank == 1 && rank.localRank == 1 && rank.localWorldSize == 2)
    #expect(rank.rendezvous.host == "127.0.0.1" && (20_000..<30_000).contains(rank.rendezvous.port))
    #expect(rank.storeHost == .rankZero && rank.jobID == "1962016769")
    var variables = Self.openMPI
    variables["OMPI_COMM_WORLD_RANK"] = "0"
    variables["OMPI_COMM_WORLD_LOCAL_RANK"] = "0"
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous == rank.rendezvous)
    variables["PMIX_NAMESPACE"] = "1962016770"
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous.port != rank.rendezvous.port)
    variables["PMIX_NAMESPACE"] = nil
    variables["OMPI_MCA_ess_base_jobid"] = "1962016769"
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous == rank.rendezvous)
    variables["MASTER_PORT"] = "1234"
    variables["MASTER_ADDR"] = "::1"
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous == Endpoint(host: "::1", port: 1234))
  }

  @Test("Open MPI on several machines has to be told where to meet")
  func openMPIOnSeveralMachines() throws {
    var variables = Self.openMPI
    variables["OMPI_COMM_WORLD_SIZE"] = "4"
    expectError(variables, "MASTER_ADDR and MASTER_PORT are not set, and mpirun (Open MPI) does not say where")
    variables["MASTER_ADDR"] = "node-a"
    expectError(variables, "MASTER_PORT is not set")
    variables["MASTER_PORT"] = "29500"
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous == Endpoint(host: "node-a", port: 29500))
  }

  @Test("mpiexec of MPICH and Intel numbers ranks by PMI_RANK")
  func mpich() throws {
    var variables = [
      "PMI_RANK": "2", "PMI_SIZE": "4", "MPI_LOCALRANKID": "2", "MPI_LOCALNRANKS": "4", "MASTER_PORT": "29500",
    ]
    let expected = RankEnvironment(
      launcher: .mpich, rank: 2, localRank: 2, worldSize: 4, localWorldSize: 4,
      rendezvous: Endpoint(host: "127.0.0.1", port: 29500), storeHost: .rankZero)
    #expect(try RankEnvironment.detect(in: variables) == expected)
    // mpiexec inside a Slurm job starts its daemons with srun.
    let nested = variables.merging(Self.slurm) { first, _ in first }
    #expect(try RankEnvironment.detect(in: nested) == expected)
    variables["MASTER_PORT"] = nil
    expectError(variables, "MASTER_PORT is not set, and mpiexec (MPICH) does not say")
  }

  @Test("Slurm's tasks meet on the step's first machine, at a port that follows from the job")
  func slurm() throws {
    let rank = try #require(try RankEnvironment.detect(in: Self.slurm))
    #expect(rank.launcher == .slurm && rank.rank == 6 && rank.worldSize == 7 && rank.nodeRank == 3)
    #expect(rank.localRank == 0 && rank.localWorldSize == 1)
    #expect(rank.rendezvous.host == "gpu01" && (20_000..<30_000).contains(rank.rendezvous.port))
    #expect(rank.jobID == "4711.0" && rank.storeHost == .rankZero)
    var variables = Self.slurm
    variables["SLURM_PROCID"] = "5"
    variables["SLURM_LOCALID"] = "1"
    variables["SLURM_NODEID"] = "2"
    let other = try #require(try RankEnvironment.detect(in: variables))
    #expect(other.localWorldSize == 2 && other.rendezvous == rank.rendezvous)
    // srun offers PMI to MPI programs.
    variables["PMI_RANK"] = "5"
    #expect(try RankEnvironment.detect(in: variables) == other)
    variables["MASTER_ADDR"] = "fabric-gpu01"
    variables["MASTER_PORT"] = "29500"
    #expect(
      try RankEnvironment.detect(in: variables)?.rendezvous == Endpoint(host: "fabric-gpu01", port: 29500))
  }

  @Test("Slurm's tasks on one machine meet on loopback")
  func slurmOnOneMachine() throws {
    let variables = [
      "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2",
      "SLURM_JOB_ID": "12", "SLURM_JOB_NODELIST": "login", "SLURM_STEPID": "3",
    ]
    let rank = try #require(try RankEnvironment.detect(in: variables))
    #expect(rank.rendezvous.host == "127.0.0.1" && rank.localWorldSize == 2 && rank.jobID == "12.3")
  }

  @Test("what srun did not start is no task of Slurm's: a script of sbatch's, a shell of salloc's")
  func slurmBatchScript() throws {
    var variables = ["SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "1"]
    #expect(try RankEnvironment.detect(in: variables) == nil)
    variables["ENVIRONMENT"] = "BATCH"
    #expect(try RankEnvironment.detect(in: variables) == nil)
    // The steps that Slurm keeps for scripts, for what it starts around them and for shells.
    for step in ["4294967291", "4294967292", "4294967290"] {
      variables["SLURM_STEP_ID"] = step
      #expect(try RankEnvironment.detect(in: variables) == nil)
    }
    // What srun starts inside of it inherits ENVIRONMENT.
    variables["SLURM_STEP_ID"] = "0"
    variables["SLURM_JOB_NODELIST"] = "a,b"
    #expect(try RankEnvironment.detect(in: variables)?.worldSize == 4)
  }

  @Test(
    "the first machine of Slurm's lists",
    arguments: [
      ("gpu[01-03,07]", "gpu01"), ("gpu[7,01-03],login", "gpu7"), ("login", "login"), ("a,b", "a"),
      ("rack[1-2]node[3-4]", "rack1node3"), ("n[001]", "n001"), ("gpu[01-03].cluster", "gpu01.cluster"),
    ])
  func nodeList(list: String, first: String) throws {
    var variables = Self.slurm
    variables["SLURM_STEP_NODELIST"] = list
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous.host == first)
    variables["SLURM_JOB_NODELIST"] = list
    variables["SLURM_STEP_NODELIST"] = nil
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous.host == first)
  }

  @Test("a list of machines that is none is quoted", arguments: ["gpu[01", "gpu[]", ",a", "gpu]1", "gpu[a-b]", "a b"])
  func brokenNodeList(list: String) {
    var variables = Self.slurm
    variables["SLURM_STEP_NODELIST"] = list
    expectError(variables, "got '\(list)'. Set MASTER_ADDR")
  }

  @Test("counts of tasks that are none are quoted", arguments: ["2(x3", "x", "2,,1", "0", "2(x0)", "-1", "2(3)"])
  func brokenTaskCounts(text: String) {
    var variables = Self.slurm
    variables["SLURM_STEP_TASKS_PER_NODE"] = text
    expectError(variables, "SLURM_STEP_TASKS_PER_NODE: expected counts such as 2(x3),1, got '\(text)'")
  }

  @Test("Slurm without a list of machines falls back on the machine that srun ran on")
  func slurmLaunchNode() throws {
    var variables = Self.slurm
    variables["SLURM_STEP_NODELIST"] = nil
    #expect(try RankEnvironment.detect(in: variables)?.rendezvous.host == "10.1.1.1")
    variables["SLURM_LAUNCH_NODE_IPADDR"] = nil
    expectError(variables, "MASTER_ADDR is not set, and Slurm does not say")
  }

  @Test("what is no number, missing or out of range is named with what was expected")
  func inconsistent() {
    let cases: [([String: String], String)] = [
      (["RANK": "1"], "WORLD_SIZE is not set, though other variables of Kubeflow (PyTorchJob) are"),
      (["WORLD_SIZE": "2"], "RANK is not set"),
      (["RANK": "one", "WORLD_SIZE": "2"], "RANK: expected a whole number of at least 0, got 'one'"),
      (["RANK": "-1", "WORLD_SIZE": "2"], "RANK: expected a whole number of at least 0, got '-1'"),
      (["RANK": "0", "WORLD_SIZE": "0"], "WORLD_SIZE: expected a whole number of at least 1, got '0'"),
      (["RANK": "99999999999999999999", "WORLD_SIZE": "2"], "RANK: expected a whole number"),
      (["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a"], "MASTER_PORT is not set"),
      (["RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1"], "MASTER_ADDR is not set"),
      (
        ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "tcp://10.0.0.1:80"],
        "MASTER_PORT: expected a port, 1 to 65535, got 'tcp://10.0.0.1:80'"
      ),
      (["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "65536"], "MASTER_PORT: expected a port"),
      (
        ["RANK": "4", "WORLD_SIZE": "4", "MASTER_ADDR": "a", "MASTER_PORT": "1"],
        "Kubeflow (PyTorchJob) says rank 4 of 4 processes: expected 0 to 3"
      ),
      (["RANK": "1", "WORLD_SIZE": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"], "says rank 1 of 1 processes"),
      (Self.torchrun.merging(["LOCAL_RANK": "2"]) { $1 }, "torchrun says local rank 2 of 2 processes"),
      (
        Self.torchrun.merging(["LOCAL_WORLD_SIZE": "5"]) { $1 },
        "torchrun says 5 processes on this machine, of 4 on all"
      ),
      (
        Self.supervised.merging(["SIMCLR_RENDEZVOUS": "here"]) { $1 },
        "SIMCLR_RENDEZVOUS: expected host:port, got 'here'"
      ),
      (["OMPI_COMM_WORLD_RANK": "0"], "OMPI_COMM_WORLD_SIZE is not set"),
    ]
    for (variables, text) in cases { expectError(variables, text) }
  }

  @Test("endpoints are host:port, IPv6 addresses in brackets")
  func endpoints() {
    #expect(Endpoint("node-a.local:29400") == Endpoint(host: "node-a.local", port: 29400))
    #expect(Endpoint("[fe80::1]:80") == Endpoint(host: "fe80::1", port: 80))
    #expect(Endpoint(host: "fe80::1", port: 80).description == "[fe80::1]:80")
    for text in ["", "a", ":1", "a:", "a:0", "a:65536", "a:+1", "a:1 ", "fe80::1:80", "[]:1", "a b:1", "http://a:1"] {
      #expect(Endpoint(text) == nil, "\(text)")
    }
  }

  private func expectError(_ variables: [String: String], _ text: String) {
    let error = #expect(throws: LaunchError.self) { try RankEnvironment.detect(in: variables) }
    #expect(error?.description.contains(text) == true, "\(error?.description ?? "none")")
    #expect(error?.isWrongUsage == true)
    #expect(error.map { $0.description.count < 300 } == true)
  }
}
