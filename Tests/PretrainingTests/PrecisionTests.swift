import Keys
import Pretraining
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

  @Test("tf32 is for GPUs that have it; elsewhere one line says so")
  func tf32() throws {
    try Precision.tf32.confirmExists(on: .cuda(0), gpu: { _ in gpu((8, 0)) })
    let old = #expect(throws: ConfigurationError.self) {
      try Precision.tf32.confirmExists(on: .cuda(0), gpu: { _ in gpu((7, 5)) })
    }
    #expect(
      old?.description
        == "training.precision=tf32: GPU has compute capability 7.5, and TF32 begins with 8.0: use fp32, fp16 or auto")
    let cpu = #expect(throws: ConfigurationError.self) { try Precision.tf32.confirmExists(on: .cpu) }
    #expect(
      cpu?.description
        == "training.precision=tf32: only CUDA devices have TF32, and this trains on the CPU: use fp32, bf16 or auto")
    for precision in Precision.allCases where precision != .tf32 { try precision.confirmExists(on: .cpu) }
    #expect(Precision.tf32.dtype == .float32)
  }

  private func gpu(_ capability: (Int, Int)) -> GPU {
    GPU(
      number: 0, name: "GPU", capability: .init(capability.0, capability.1), memoryBytes: 1, pciBusID: "", uuid: "",
      kernels: [])
  }
}
