import Foundation
import Testing

/// What the program makes of GPUs, shown to it by libraries that stand in for NVIDIA's.
@Suite(.enabled(if: StubGPUs.folder != nil, "there is no C++ compiler, or this libtorch has no headers"))
struct CUDATests {
  typealias GPU = StubGPUs.GPU

  private static let turing = GPU(name: "Tesla T4", capability: (7, 5), mebibytes: 15360, bus: "0000:5E:00.0")
  private static let pascal = GPU(name: "Tesla P100", capability: (6, 0), mebibytes: 16384, bus: "0000:AF:00.0")

  @Test("GPUs are found, and doctor describes each, the driver and NCCL")
  func found() throws {
    let report = try doctor([GPU(), Self.turing, Self.pascal])
    #expect(report["cuda_unavailable"] == nil)
    #expect(report["cuda_devices"] as? Int == 2)
    let driver = report["driver"] as? [String: String]
    #expect(driver == ["release": "580.65.06", "cuda": "13.0"])
    let nccl = report["nccl"] as? [String: String]
    #expect(nccl == ["version": "2.28.9"])
    let gpus = try #require(report["gpus"] as? [[String: Any]])
    #expect(gpus.map { $0["name"] as? String } == ["NVIDIA H100 80GB HBM3", "Tesla T4", "Tesla P100"])
    #expect(gpus.map { $0["capability"] as? String } == ["9.0", "7.5", "6.0"])
    #expect(gpus.map { $0["has_bfloat16"] as? Bool } == [true, false, false])
    #expect(gpus[0]["memory_bytes"] as? Int == 81559 << 20)
    #expect(gpus[0]["pci_bus_id"] as? String == "0000:3b:00.0")
    #expect(gpus[1]["uuid"] as? String == "10111213-1415-1617-1819-1a1b1c1d1e1f")
    #expect(
      gpus.map { $0["unusable"] as? String } == [
        nil, nil, "Tesla P100 (cuda:2) has compute capability 6.0, and this libtorch has kernels for 7.5, 8.0, 9.0",
      ])
  }

  @Test("doctor's lines for people name the GPUs, too")
  func lines() throws {
    let text = try run(["doctor"], [GPU(), Self.pascal]).output
    #expect(text.contains("CUDA            1 device\n"))
    #expect(text.contains("driver          580.65.06, for CUDA 13.0 and older\n"))
    #expect(text.contains("cuda:0          NVIDIA H100 80GB HBM3, capability 9.0 (bf16), 79 GiB, PCI 0000:3b:00.0\n"))
    #expect(text.contains("cuda:1          cannot be used: Tesla P100 (cuda:1) has compute capability 6.0, and "))
    #expect(text.contains("NCCL            2.28.9\n"))
  }

  @Test("doctor says where the library for NCCL was looked for, and what builds it")
  func withoutLibrary() throws {
    var variables = StubGPUs.variables([GPU()])
    variables["SIMCLR_CUDA_LIBRARY"] = "/nowhere/libCTorchCUDA.so"
    let nccl = try #require(try doctor(variables)["nccl"] as? [String: String])
    #expect(nccl["version"] == "2.28.9")
    #expect(nccl["unavailable"]?.hasPrefix("/nowhere/libCTorchCUDA.so cannot be loaded (") == true)
    #expect(nccl["unavailable"]?.hasSuffix("; Scripts/build-cuda.sh builds it") == true)
  }

  @Test("doctor says whether the library beside the program has kernels")
  func kernels() throws {
    let without = StubGPUs.variables([GPU()])
    #expect(try run(["doctor"], without).output.contains("kernels         left out: libtorch's operations are used\n"))
    let with = without.merging(["SIMCLR_STUB_KERNELS": "1"]) { $1 }
    #expect(try run(["doctor"], with).output.contains("kernels         built in\n"))
    #expect(try doctor(with)["has_kernels"] as? Bool == true)
  }

  @Test("what keeps CUDA from being used is one line, in doctor and where a device is asked for")
  func obstacles() throws {
    let oldDriver = StubGPUs.variables([GPU()], cuda: 12040, release: "550.54.14")
    let cases: [([String: String], String)] = [
      (
        oldDriver,
        "the NVIDIA driver 550.54.14 is for CUDA 12.4, and this libtorch needs CUDA 13: install driver 580 or newer"
      ),
      (
        StubGPUs.variables([]).merging(["CUDA_VISIBLE_DEVICES": "7"]) { $1 },
        "the NVIDIA driver does not start: no CUDA-capable device is detected (CUDA error 100) (CUDA_VISIBLE_DEVICES is '7')"
      ),
      (
        StubGPUs.variables([Self.pascal]),
        "Tesla P100 (cuda:0) has compute capability 6.0, and this libtorch has kernels for 7.5, 8.0, 9.0"
      ),
    ]
    for (variables, text) in cases {
      let report = try doctor(variables)
      #expect(report["cuda_unavailable"] as? String == text)
      #expect(report["cuda_devices"] as? Int == 0)
      let asked = try run(["pretrain", "recipe.yaml", "training.device=cuda", "--output", "run"], variables)
      #expect(asked.exitCode == 2)
      #expect(asked.errors == "error: training.device: CUDA is not available: \(text): use device cpu or auto\n")
    }
  }

  @Test("a libtorch for CPUs on a machine with a GPU is one line that says what to do")
  func withoutCUDAPart() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // In place of a library whose own libraries are missing.
    try Data("no library".utf8).write(to: folder.appendingPathComponent("libtorch_cuda.so"))
    var variables = StubGPUs.variables([GPU()])
    variables["LD_LIBRARY_PATH"] = folder.path + ":" + variables["LD_LIBRARY_PATH"]!
    let reason = try #require(try doctor(variables)["cuda_unavailable"] as? String)
    #expect(reason.hasPrefix("the CUDA part of libtorch cannot be loaded (\(folder.path)/libtorch_cuda.so: "))
    #expect(reason.hasSuffix("): name the folder torch/lib of a complete PyTorch 2.11.0 in LD_LIBRARY_PATH"))
    let asked = try run(["pretrain", "recipe.yaml", "training.device=cuda", "--output", "run"], variables)
    #expect(asked.errors == "error: training.device: CUDA is not available: \(reason): use device cpu or auto\n")
    // Left to itself, the program trains on the CPU and says why.
    let auto = try run(
      ["pretrain", "recipe.yaml", "training.device=auto", "training.maximum_steps=1", "--output", "run"], variables)
    #expect(auto.exitCode == 0)
    #expect(auto.errors.contains(" on cpu in fp32\nCUDA is not used: \(reason)\n"), "\(auto.errors)")
  }

  @Test("the default precision is what the GPU's tensor cores have, and a GPU that cannot be used is passed over")
  func precision() throws {
    for (gpus, expected) in [([GPU()], "bf16"), ([Self.turing], "fp16"), ([Self.pascal, Self.turing], "fp16")] {
      let outcome = try run(
        ["pretrain", "recipe.yaml", "training.device=auto", "training.precision=auto", "--print-configuration"], gpus)
      #expect(outcome.output.contains("\n  precision: \(expected)\n"), "\(outcome.output)\(outcome.errors)")
    }
    let named = try run(
      ["pretrain", "recipe.yaml", "training.device=cuda:0", "training.precision=auto", "--print-configuration"],
      [Self.pascal, Self.turing])
    #expect(named.exitCode == 2)
    #expect(
      named.errors
        == "error: training.device: Tesla P100 (cuda:0) has compute capability 6.0, and this libtorch has kernels for 7.5, 8.0, 9.0: use another device\n"
    )
  }

  @Test(
    "processes that each see one GPU of their own are connected over NCCL; those on one GPU are named",
    .timeLimit(.minutes(2)))
  func carriers() throws {
    // What Slurm's --gpus-per-task=1 and a CUDA_VISIBLE_DEVICES for each rank lead to: every process has its cuda:0.
    let own = try ranks([[GPU()], [GPU(bus: "0000:5E:00.0")]])
    #expect(own.allSatisfy { $0.exitCode == 1 })
    #expect(own.contains { $0.errors.hasSuffix(" could not connect over NCCL: this is a stand-in\n") }, "\(own)")
    let shared = try ranks([[GPU()], [GPU()]])
    #expect(shared.map(\.exitCode) == [2, 2])
    #expect(
      shared[0].errors
        == "error: distributed.backend: NCCL is asked for, but ranks 0 and 1 are on one GPU, NVIDIA H100 80GB HBM3 at 0000:3b:00.0: give each process a GPU of its own, or use Gloo\n"
    )
    #expect(shared[1].errors.isEmpty, "what all ranks know, rank 0 says")
  }

  // MARK: Running the program

  private func run(_ arguments: [String], _ gpus: [GPU]) throws -> Program.Outcome {
    try run(arguments, StubGPUs.variables(gpus))
  }

  private func run(_ arguments: [String], _ variables: [String: String]) throws -> Program.Outcome {
    let program = try Program()
    defer { program.remove() }
    return try program.finish(program.start(arguments, variables: variables))
  }

  private func doctor(_ gpus: [GPU]) throws -> [String: Any] { try doctor(StubGPUs.variables(gpus)) }

  private func doctor(_ variables: [String: String]) throws -> [String: Any] {
    let outcome = try run(["doctor", "--json"], variables)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    return try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  /// Starts a process for each list of GPUs, all asking for NCCL.
  private func ranks(_ gpus: [[GPU]]) throws -> [Program.Outcome] {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let arguments = ["training.device=cuda", "distributed.backend=nccl", "--output", "run"]
    return try gpus.enumerated().map { rank, gpus in
      try program.startRank(
        rank, of: 2, port: port, variables: StubGPUs.variables(gpus), arguments)
    }.map(program.finish)
  }
}
