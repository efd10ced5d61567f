import Keys
import Torch

extension TrainingConfiguration.Precision {
  /// What `auto` stands for on a device: bf16 where the hardware multiplies it faster; fp16 on GPUs whose tensor cores
  /// have only that; else fp32.
  package static func fastest(on device: Device, gpu: (Int) -> GPU = { CUDA.devices[$0] }) -> Self {
    switch device {
    case .cpu: TorchRuntime.cpuHasFastBFloat16 ? .bf16 : .fp32
    case .cuda(let number): gpu(number).hasBFloat16 ? .bf16 : .fp16
    case .meta: .fp32
    }
  }

  /// Confirms that a device has this precision.
  ///
  /// - Throws: `ConfigurationError` for TF32 where there is none.
  package func confirmExists(on device: Device, gpu: (Int) -> GPU = { CUDA.devices[$0] }) throws {
    guard self == .tf32 else { return }
    guard case .cuda(let number) = device else {
      throw ConfigurationError(
        "\(Self.tf32Key): only CUDA devices have TF32, and this trains on the CPU: use fp32, bf16 or auto")
    }
    let gpu = gpu(number)
    guard gpu.hasTF32 else {
      throw ConfigurationError(
        "\(Self.tf32Key): \(gpu.name) has compute capability \(gpu.capability), and TF32 begins with 8.0: use fp32, fp16 or auto"
      )
    }
  }

  private static var tf32Key: String { "\(Configuration.keys.name(of: \.training.precision))=\(Self.tf32.rawValue)" }
}

extension TrainingConfiguration.Precision {
  /// The element type of convolutions and matrix products; `auto` must have been resolved.
  public var dtype: DType {
    switch self {
    case .fp32, .tf32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    case .fp64: .float64
    case .auto: preconditionFailure("Precision: auto was not resolved")
    }
  }
}
