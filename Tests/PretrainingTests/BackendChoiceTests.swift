import Keys
import Pretraining
import Testing
import Torch
import TorchDistributed

@Suite struct BackendChoiceTests {
  @Test("a process on a CUDA device offers NCCL, by auto where it can and by nccl as a demand")
  func offers() throws {
    let auto = try choice(.auto, .cuda(1)).offer()
    #expect(auto.place?.device == 1 && auto.place?.pciBusID == "0000:01:00.0" && !auto.isDemand)
    #expect(try choice(.nccl, .cuda(0)).offer().isDemand)
    #expect(try choice(.gloo, .cuda(0)).offer() == .init())
    #expect(try choice(.auto, .cpu).offer() == .init())
    #expect(
      try choice(.auto, .cpu, whyNoCUDA: "old driver").offer() == .init(obstacle: "CUDA is not available (old driver)"))
    #expect(try choice(.auto, .cuda(0), whyNoNCCL: "not built").offer() == .init(obstacle: "not built"))
  }

  @Test("where NCCL was asked for and cannot be had, one line says why and what to do")
  func obstacles() throws {
    let cases: [(BackendChoice, String)] = [
      (
        choice(.nccl, .cpu),
        "distributed.backend=nccl: it connects CUDA devices, and training.device is cpu: use distributed.backend=gloo"
      ),
      (
        choice(.nccl, .cpu, whyNoCUDA: "no driver"),
        "distributed.backend=nccl: it connects CUDA devices, and CUDA is not available (no driver): use distributed.backend=gloo"
      ),
      (
        choice(.nccl, .cuda(0), whyNoNCCL: "x.so cannot be loaded"),
        "distributed.backend=nccl: x.so cannot be loaded, or use distributed.backend=gloo"
      ),
    ]
    for (choice, text) in cases {
      let error = #expect(throws: ConfigurationError.self) { try choice.offer() }
      #expect(error?.description == text)
    }
  }

  @Test("the NCCL library is looked for where a variable says, else beside the program; without it there is a reason")
  func library() {
    let named = NCCL.path(variables: ["SIMCLR_CUDA_LIBRARY": "/x/y.so"], executable: "/usr/bin/simclr")
    #expect(named == "/x/y.so")
    #expect(NCCL.path(variables: [:], executable: "/nowhere/bin/simclr") == "/nowhere/bin/libCTorchCUDA.so")
    let reason = NCCL.load(from: "/nowhere/libCTorchCUDA.so")
    #expect(reason?.hasPrefix("/nowhere/libCTorchCUDA.so cannot be loaded (") == true)
    #expect(reason?.hasSuffix("Scripts/build-cuda.sh builds it") == true)
    // Any library that is not ours.
    #expect(NCCL.load(from: "libz.so.1")?.contains("it has no ctorch_cuda_libtorch_version") == true)
  }

  private func choice(
    _ asked: DistributedConfiguration.Backend, _ device: Device, whyNoCUDA: String? = nil, whyNoNCCL: String? = nil
  ) -> BackendChoice {
    BackendChoice(
      asked: asked, device: device, whyNoCUDA: whyNoCUDA,
      gpu: {
        GPU(
          number: $0, name: "NVIDIA A100", capability: .init(8, 0), memoryBytes: 1, pciBusID: "0000:0\($0):00.0",
          uuid: "", kernels: [])
      }, whyNoNCCL: { whyNoNCCL })
  }
}
