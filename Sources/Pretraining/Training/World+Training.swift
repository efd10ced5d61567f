import Foundation
import Torch
import TorchDistributed
import TorchNN

extension World {
  /// Confirms that all processes are the same program with the same configuration.
  ///
  /// - Throws: `DistributedError` naming the rank and what differs.
  func confirmSame(_ configuration: ResolvedConfiguration) throws {
    guard isDistributed else { return }
    try confirmEqual(
      [("program version", SimCLRVersion.current), ("libtorch", TorchRuntime.loadedVersion)]
        + configuration.sharedValues)
  }

  /// Confirms that all processes have the same images and begin with the same weights.
  ///
  /// - Throws: `DistributedError` naming the rank and what differs.
  func confirmSame(_ images: DataFingerprint, count: Int, _ model: Module) throws {
    guard isDistributed else { return }
    try confirmEqual([
      ("number of images", "\(count)"), ("images (fingerprint of their names)", images.names),
      ("images (fingerprint of their labels)", images.labels),
      ("images (fingerprint of the bytes of some)", images.contents),
      ("initial weights (fingerprint)", model.fingerprint),
    ])
  }
}

extension DistributedConfiguration {
  /// How processes are connected.
  public var worldOptions: World.Options {
    var options = World.Options()
    options.timeout = .seconds(timeoutSeconds)
    options.interface = interface.isEmpty ? nil : interface
    options.batchNormRanks = batchNormRanks
    return options
  }

  /// What adds the gradients of `model` up over the processes.
  func makeReduction(for model: Module, in world: World) throws -> any GradientReduction {
    guard world.gradients.isConnected else { return NoReduction() }
    guard overlapsBackward else {
      return ReductionAfterBackward(model.trainedParameters().map(\.parameter), over: world.gradients)
    }
    var options = BucketedReduction.Options()
    options.bucketBytes = Int(bucketMegabytes * 1_048_576)
    options.firstBucketBytes = min(options.firstBucketBytes, options.bucketBytes)
    options.compressesToBFloat16 = gradientCompression == .bf16
    options.findsUnusedParameters = findsUnusedParameters
    return try BucketedReduction(model.trainedParameters(), over: world.gradients, options: options)
  }
}

extension Module {
  /// Tells weights apart by every bit of them.
  fileprivate var fingerprint: String {
    let hash = SHA256()
    for (name, tensor) in stateDictionary() {
      hash.add("\(name)\n")
      tensor.to(device: .cpu).contiguous().withUnsafeBytes { hash.add($0) }
    }
    return hash.finished()
  }
}
