import Torch
import TorchDistributed

/// What carries the exchanges of a process: NCCL between CUDA devices, or Gloo.
package struct BackendChoice {
  /// `distributed.backend`
  package var asked: DistributedConfiguration.Backend
  /// `training.device`
  package var device: String
  package var localRank: Int
  /// Processes on this machine.
  package var localSize: Int
  /// CUDA devices that this process sees.
  package var deviceCount: Int
  /// Why there are none.
  package var whyNoCUDA: () -> String?
  /// Why NCCL cannot be used; asked only where all else is there.
  package var whyNoNCCL: () -> String?

  package init(
    asked: DistributedConfiguration.Backend, device: String, localRank: Int, localSize: Int, deviceCount: Int,
    whyNoCUDA: @escaping () -> String?, whyNoNCCL: @escaping () -> String?
  ) {
    (self.asked, self.device, self.localRank, self.localSize) = (asked, device, localRank, localSize)
    (self.deviceCount, self.whyNoCUDA, self.whyNoNCCL) = (deviceCount, whyNoCUDA, whyNoNCCL)
  }

  /// The CUDA device for exchanges over NCCL; nil: Gloo.
  ///
  /// - Throws: ``ConfigurationError`` where NCCL was asked for and cannot be had.
  package func cudaDevice() throws -> Int? {
    guard asked != .gloo else { return nil }
    guard let reason = obstacle else { return ownDevice }
    guard asked == .nccl else { return nil }
    throw ConfigurationError("distributed.backend=nccl: \(reason)")
  }

  private var obstacle: String? {
    if device == "cpu" { return "it connects CUDA devices, and training.device is cpu: use distributed.backend=gloo" }
    if deviceCount == 0 {
      return "CUDA is not available (\(whyNoCUDA() ?? "no device was found")): use distributed.backend=gloo"
    }
    guard localSize <= usableDevices else {
      return "\(localSize) processes on this machine, but \(usableDevices) CUDA device\(usableDevices == 1 ? "" : "s") "
        + "for them: start as many processes as there are devices, or have them share with distributed.backend=gloo"
    }
    return whyNoNCCL().map { "\($0), or use distributed.backend=gloo" }
  }

  /// `cuda:1` names one device for all processes.
  private var usableDevices: Int { device.hasPrefix("cuda:") ? 1 : deviceCount }

  private var ownDevice: Int { Int(device.split(separator: ":").last ?? "") ?? localRank % deviceCount }
}

extension Configuration {
  /// How this process is connected with the others.
  ///
  /// - Parameters:
  ///   - localRank: which one it is on its machine, 0 to `localSize` − 1.
  ///   - localSize: processes on this machine.
  /// - Throws: ``ConfigurationError`` where `distributed.backend` is `nccl` and that cannot be had.
  public func worldOptions(localRank: Int, localSize: Int) throws -> World.Options {
    var options = distributed.worldOptions
    guard distributed.backend != .gloo, training.device != "cpu" else {
      // Nothing is loaded to find out what nobody asked for.
      options.cudaDevice = try backendChoice(localRank, localSize, deviceCount: 0).cudaDevice()
      return options
    }
    options.cudaDevice = try backendChoice(localRank, localSize, deviceCount: CUDA.deviceCount).cudaDevice()
    return options
  }

  private func backendChoice(_ localRank: Int, _ localSize: Int, deviceCount: Int) -> BackendChoice {
    BackendChoice(
      asked: distributed.backend, device: training.device, localRank: localRank, localSize: localSize,
      deviceCount: deviceCount, whyNoCUDA: { CUDA.whyUnavailable }, whyNoNCCL: { NCCL.whyUnavailable })
  }
}
