import Torch

extension TrainingConfiguration.Precision {
  /// What `auto` stands for on a device: bf16 where the hardware multiplies it faster; fp16 on GPUs whose tensor cores
  /// have only that; else fp32.
  package static func fastest(on device: Device, gpu: (Int) -> GPU = { CUDA.devices[$0] }) -> Self {
    switch device {
    case .cpu: TorchRuntime.cpuHasFastBFloat16 ? .bf16 : .fp32
    case .cuda(let number): gpu(number).hasBFloat16 ? .bf16 : .fp16
    }
  }
}
