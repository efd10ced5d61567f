import DataSets
import Foundation
import Images
import Torch
import TorchDistributed
import TorchNN

extension World {
  /// Confirms that all processes are the same program with the same configuration.
  ///
  /// - Throws: `DistributedError` naming the rank and what differs.
  func confirmSame(_ configuration: Configuration) throws {
    guard isDistributed else { return }
    let keys = try ConfigurationFile.values(of: configuration.withoutLocalMatters)
    try confirmEqual(
      [("program version", SimCLRVersion.current), ("libtorch", TorchRuntime.loadedVersion)]
        + keys.map { ($0.key, $0.value) })
  }

  /// Confirms that all processes have the same images and begin with the same weights.
  ///
  /// - Throws: `DistributedError` naming the rank and what differs.
  func confirmSame(_ dataSet: any ImageDataSet, _ model: Module) throws {
    guard isDistributed else { return }
    try confirmEqual([
      ("number of images", "\(dataSet.count)"), ("images (fingerprint of their names)", dataSet.fingerprint),
      ("images (fingerprint of the bytes of some)", dataSet.contentFingerprint),
      ("initial weights (fingerprint)", model.fingerprint),
    ])
  }
}

extension Configuration {
  /// The configuration less what may differ from machine to machine: where images lie, threads, devices, output.
  fileprivate var withoutLocalMatters: Configuration {
    var result = self
    let standard = Configuration()
    (result.data.path, result.data.classes, result.data.subset) = ("", "", "")
    (result.data.threads, result.data.batchesAhead, result.data.cacheMegabytes) = (0, 1, 0)
    result.output = standard.output
    (result.training.device, result.training.threads) = (standard.training.device, 0)
    result.distributed.interface = ""
    return result
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

// MARK: - Fingerprints

extension ImageDataSet {
  /// Tells data sets apart by the last parts of their images' names; of large ones, of a hundred thousand of them.
  fileprivate var fingerprint: String {
    var hash = Fingerprint()
    for index in stride(from: 0, to: count, by: max(1, count / 100_000)) {
      hash.add(name(at: index).split(separator: "/").last.map { Array($0.utf8) } ?? [])
    }
    return hash.text
  }

  /// Tells data sets apart by what is stored for a hundred of their images. One that cannot be read is as good as another.
  fileprivate var contentFingerprint: String {
    var hash = Fingerprint()
    let buffer = ByteBuffer()
    for index in stride(from: 0, to: count, by: max(1, count / 100)) {
      if (try? read(at: index, into: buffer)) != nil { hash.add(UnsafeRawBufferPointer(buffer.bytes)) }
    }
    return hash.text
  }
}

extension Module {
  /// Tells weights apart by every bit of them.
  fileprivate var fingerprint: String {
    var hash = Fingerprint()
    for (name, tensor) in stateDictionary() {
      hash.add(Array(name.utf8))
      tensor.to(device: .cpu).contiguous().withUnsafeBytes { hash.add($0) }
    }
    return hash.text
  }
}

/// FNV-1a over eight bytes at a time: to tell things apart, not to keep secrets.
private struct Fingerprint {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  var text: String { String(state, radix: 16) }

  mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    mix(UInt64(bytes.count))
    for start in stride(from: 0, to: bytes.count, by: 8) {
      var word: UInt64 = 0
      withUnsafeMutableBytes(of: &word) {
        $0.copyMemory(from: .init(rebasing: bytes[start..<min(start + 8, bytes.count)]))
      }
      mix(word)
    }
  }

  private mutating func mix(_ word: UInt64) { state = (state ^ word) &* 0x0000_0100_0000_01b3 }
}
