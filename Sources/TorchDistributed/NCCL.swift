import CTorch
import Foundation
import Torch

/// Exchanges between CUDA devices (NVIDIA's NCCL), in a library of its own that is found at run time.
public enum NCCL {
  /// Why NCCL cannot be used, nil when it can.
  public static let whyUnavailable: String? = load(
    from: path(variables: ProcessInfo.processInfo.environment, executable: Bundle.main.executablePath))

  /// Whether the library is there and has kernels of batch normalization (`TorchRuntime.hasBatchNormKernels`).
  public static var hasKernels: Bool { whyUnavailable == nil && TorchRuntime.hasBatchNormKernels }

  /// Where the library is expected: what `SIMCLR_CUDA_LIBRARY` names, else beside the program.
  package static func path(variables: [String: String], executable: String?) -> String {
    let name = "libCTorchCUDA.so"
    if let named = variables["SIMCLR_CUDA_LIBRARY"], !named.isEmpty { return named }
    guard let executable else { return name }
    return URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  /// Loads the library; the reason where it cannot be had.
  package static func load(from path: String) -> String? {
    guard ctorch_nccl_load(path) != CTORCH_OK else { return nil }
    return "\(path) cannot be loaded (\(TorchError.last())); Scripts/build-cuda.sh builds it"
  }
}
