import CTorch
import Foundation
import Torch

/// Exchanges between CUDA devices (NVIDIA's NCCL), in a library of its own that is found at run time.
public enum NCCL {
  /// Why NCCL cannot be used, nil when it can.
  public static let whyUnavailable: String? = load(
    from: path(variables: ProcessInfo.processInfo.environment, executable: Bundle.main.executablePath))

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

extension ProcessGroup {
  /// Has tensors on CUDA devices exchanged over NCCL; those on the CPU stay with Gloo.
  ///
  /// - Parameters:
  ///   - store: prefixed so that no other group uses its keys.
  ///   - device: the CUDA device that all tensors of this process lie on, and no other process's; nil: Gloo stays.
  /// - Throws: ``DistributedError`` when NCCL cannot connect.
  func useNCCL(_ store: Store, device: Int?, timeout: Duration) throws {
    guard let handle, let device else { return }
    let status = ctorch_process_group_use_nccl(handle, store.handle, Int32(device), timeout.milliseconds)
    guard status == CTORCH_OK else {
      throw DistributedError("rank \(rank) could not connect over NCCL: \(TorchError.last())")
    }
  }
}
