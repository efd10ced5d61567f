import SimCLR
import Testing
import Torch

@Suite struct PrecisionTests {
  typealias Precision = TrainingConfiguration.Precision

  @Test("auto is bf16 on GPUs that multiply it, from compute capability 8.0, and fp16 on older ones")
  func auto() {
    for (capability, expected) in [((7, 5), Precision.fp16), ((8, 0), .bf16), ((8, 6), .bf16), ((12, 0), .bf16)] {
      #expect(Precision.fastest(on: .cuda(0), gpu: { _ in gpu(capability) }) == expected)
    }
    #expect(Precision.fastest(on: .cpu) == (TorchRuntime.cpuHasFastBFloat16 ? .bf16 : .fp32))
  }

  private func gpu(_ capability: (Int, Int)) -> GPU {
    GPU(
      number: 0, name: "GPU", capability: .init(capability.0, capability.1), memoryBytes: 1, pciBusID: "", uuid: "",
      kernels: [])
  }
}
