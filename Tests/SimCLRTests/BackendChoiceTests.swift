import SimCLR
import Testing
import TorchDistributed

@Suite struct BackendChoiceTests {
  @Test("auto is NCCL where every process of the machine has a CUDA device of its own, else Gloo")
  func auto() throws {
    #expect(try choice(localRank: 1, localSize: 2, devices: 2).cudaDevice() == 1)
    #expect(try choice(device: "cuda", localRank: 3, localSize: 4, devices: 8).cudaDevice() == 3)
    #expect(try choice(device: "cuda:2", localRank: 0, localSize: 1, devices: 4).cudaDevice() == 2)
    #expect(try choice(localRank: 1, localSize: 2, devices: 1).cudaDevice() == nil)
    #expect(try choice(device: "cuda:0", localRank: 1, localSize: 2, devices: 2).cudaDevice() == nil)
    #expect(try choice(localRank: 0, localSize: 2, devices: 0).cudaDevice() == nil)
    #expect(try choice(device: "cpu", localRank: 0, localSize: 2, devices: 2).cudaDevice() == nil)
    #expect(try choice(localRank: 0, localSize: 2, devices: 2, whyNoNCCL: "not built").cudaDevice() == nil)
    #expect(try choice(.gloo, localRank: 0, localSize: 2, devices: 2).cudaDevice() == nil)
  }

  @Test("where NCCL was asked for and cannot be had, one line says why and what to do")
  func obstacles() throws {
    let cases: [(BackendChoice, String)] = [
      (
        choice(.nccl, device: "cpu", localRank: 0, localSize: 2, devices: 2),
        "distributed.backend=nccl: it connects CUDA devices, and training.device is cpu: use distributed.backend=gloo"
      ),
      (
        choice(.nccl, localRank: 0, localSize: 2, devices: 0),
        "distributed.backend=nccl: CUDA is not available (no driver): use distributed.backend=gloo"
      ),
      (
        choice(.nccl, localRank: 0, localSize: 4, devices: 2),
        "distributed.backend=nccl: 4 processes on this machine, but 2 CUDA devices for them: start as many processes as there are devices, or have them share with distributed.backend=gloo"
      ),
      (
        choice(.nccl, device: "cuda:1", localRank: 0, localSize: 2, devices: 2),
        "distributed.backend=nccl: 2 processes on this machine, but 1 CUDA device for them: start as many processes as there are devices, or have them share with distributed.backend=gloo"
      ),
      (
        choice(.nccl, localRank: 0, localSize: 2, devices: 2, whyNoNCCL: "x.so cannot be loaded"),
        "distributed.backend=nccl: x.so cannot be loaded, or use distributed.backend=gloo"
      ),
    ]
    for (choice, text) in cases {
      let error = #expect(throws: ConfigurationError.self) { try choice.cudaDevice() }
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
    _ asked: DistributedConfiguration.Backend = .auto, device: String = "auto", localRank: Int, localSize: Int,
    devices: Int, whyNoNCCL: String? = nil
  ) -> BackendChoice {
    BackendChoice(
      asked: asked, device: device, localRank: localRank, localSize: localSize, deviceCount: devices,
      whyNoCUDA: { devices == 0 ? "no driver" : nil }, whyNoNCCL: { whyNoNCCL })
  }
}
