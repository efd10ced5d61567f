import Keys
import Torch
import TorchDistributed

/// What a process offers for its exchanges: NCCL between CUDA devices, where it has one, or Gloo.
package struct BackendChoice {
  /// `distributed.backend`
  package var asked: DistributedConfiguration.Backend
  /// Where the process trains.
  package var device: Device
  /// Why that is the CPU where it need not be; nil where that was asked for, or nobody would expect CUDA.
  package var whyNoCUDA: String?
  /// Looks a GPU up by its number.
  package var gpu: (Int) -> GPU
  /// Why NCCL cannot be used; asked only where all else is there.
  package var whyNoNCCL: () -> String?

  package init(
    asked: DistributedConfiguration.Backend, device: Device, whyNoCUDA: String? = nil, gpu: @escaping (Int) -> GPU,
    whyNoNCCL: @escaping () -> String?
  ) {
    (self.asked, self.device, self.whyNoCUDA) = (asked, device, whyNoCUDA)
    (self.gpu, self.whyNoNCCL) = (gpu, whyNoNCCL)
  }

  /// - Throws: `ConfigurationError` where NCCL was asked for and this process cannot have it.
  package func offer() throws -> Carrier.Offer {
    guard asked != .gloo else { return .init() }
    guard case .cuda(let number) = device else {
      let reason = whyNoCUDA.map { "CUDA is not available (\($0))" }
      guard asked == .nccl else { return .init(obstacle: reason) }
      throw ConfigurationError(
        "distributed.backend=nccl: it connects CUDA devices, and \(reason ?? "training.device is cpu"): use distributed.backend=gloo"
      )
    }
    if let reason = whyNoNCCL() {
      guard asked == .nccl else { return .init(obstacle: reason) }
      throw ConfigurationError("distributed.backend=nccl: \(reason), or use distributed.backend=gloo")
    }
    return .init(place: .init(gpu(number)), isDemand: asked == .nccl)
  }
}

extension ResolvedConfiguration {
  /// How this process is connected with the others.
  ///
  /// - Parameter localRank: which one it is on its machine, from 0.
  /// - Throws: `ConfigurationError` where `training.device` is not there, or `distributed.backend` is `nccl` and that
  ///   cannot be had.
  public func worldOptions(localRank: Int) throws -> World.Options {
    let (distributed, training) = (configuration.distributed, configuration.training)
    var options = distributed.worldOptions
    // Nothing is loaded to find out what nobody asked for.
    guard distributed.backend != .gloo else { return options }
    let demandsCUDA = distributed.backend == .nccl && training.device == "auto"
    let choice = BackendChoice(
      asked: distributed.backend, device: try training.device(localRank: localRank),
      whyNoCUDA: demandsCUDA ? CUDA.whyUnavailable : training.whyNoCUDA,
      gpu: { CUDA.devices[$0] }, whyNoNCCL: { NCCL.whyUnavailable })
    options.offer = try choice.offer()
    return options
  }
}
