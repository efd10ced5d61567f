import Testing
import Torch

@Suite struct CUDATests {
  @Test("float32 is not rounded to TF32 unless that is asked for, and matrix products never are")
  func tf32() {
    #expect(!TorchRuntime.allowsTF32)
    TorchRuntime.allowsTF32 = true
    #expect(TorchRuntime.allowsTF32)
    TorchRuntime.allowsTF32 = false
    #expect(!TorchRuntime.allowsTF32)
  }

  @Test("a driver runs programs for its CUDA's major version and older ones")
  func drivers() {
    let driver = CUDA.Driver(cudaVersion: 12040, release: "550.54.14")
    #expect(driver.obstacle(toCUDA: 12080) == nil && driver.obstacle(toCUDA: 11080) == nil)
    #expect(
      driver.obstacle(toCUDA: 13000)
        == "the NVIDIA driver 550.54.14 is for CUDA 12.4, and this libtorch needs CUDA 13: install driver 580 or newer")
    #expect(CUDA.Driver(cudaVersion: 13000, release: nil).obstacle(toCUDA: 13000) == nil)
  }

  @Test(
    "the driver's number is found in what its kernel module says",
    arguments: [
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC version: 12.2.0",
      "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build",
    ])
  func release(text: String) {
    #expect(CUDA.Driver.release(inKernel: text) == "550.54.14")
    #expect(CUDA.Driver.release(inKernel: "nothing here") == nil)
  }

  @Test("libtorch's kernels run on GPUs of their major number, and of their minor one or a higher")
  func kernels() {
    let description =
      "  - NVCC architecture flags: -gencode;arch=compute_75,code=sm_75;-gencode;arch=compute_86,code=sm_86;-gencode;arch=compute_120,code=sm_120\n"
    let kernels = GPU.Architecture.all(in: description)
    #expect(kernels == [.init(7, 5), .init(8, 6), .init(12, 0)])
    let usable = [(7, 0), (7, 5), (8, 0), (8, 9), (9, 0), (12, 1)].filter { gpu($0, kernels).whyUnusable == nil }
    #expect(usable.map { "\($0.0).\($0.1)" } == ["7.5", "8.9", "12.1"])
    #expect(gpu((7, 0), []).whyUnusable == nil, "unknown kernels forbid nothing")
    #expect(
      gpu((7, 0), kernels).whyUnusable
        == "GPU (cuda:0) has compute capability 7.0, and this libtorch has kernels for 7.5, 8.6, 12.0")
  }

  private func gpu(_ capability: (Int, Int), _ kernels: [GPU.Architecture]) -> GPU {
    GPU(
      number: 0, name: "GPU", capability: .init(capability.0, capability.1), memoryBytes: 1, pciBusID: "", uuid: "",
      kernels: kernels)
  }
}
