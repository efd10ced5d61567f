import ArgumentParser
import Foundation
import SimCLR
import SimCLREvaluation
import Torch
import TorchNN
import VisionData

/// The encoder of a run, ready to embed data sets as its configuration says.
struct Embedding {
  let configuration: Configuration
  let extractor: FeatureExtractor
  private let data: URL
  private let console: Console

  /// - Parameter precision: what convolutions run in, whatever the run was trained in; float32 measures best.
  init(
    _ run: RunFolder, data: String, device name: String, randomlyInitialized: Bool, precision: EvaluationPrecision,
    console: Console
  ) throws {
    configuration = try run.configuration()
    let device = try Device(named: name)
    extractor = FeatureExtractor(
      try run.encoder(randomlyInitialized: randomlyInitialized), device: device,
      precision: precision.dtype)
    self.data = URL(fileURLWithPath: data)
    self.console = console
  }

  /// Embeds one split of the data; images that cannot be read are named and left out.
  func features(of split: DataSetSplit) throws -> Features {
    let dataSet = try DataSetLocator.open(data, split: split)
    let loader = LabelledLoader(
      dataSet: dataSet, transform: EvaluationTransform(configuration.augmentation), batchSize: 256,
      threads: ProcessInfo.processInfo.activeProcessorCount, batchesAhead: 3,
      onBadImage: { FileHandle.standardError.write(Data("skipped an image: \($0)\n".utf8)) })
    defer { console.endLive() }
    return try extractor.features(of: loader) { console.live("embedding \(split.rawValue)  \($0)/\($1)") }
  }

  /// Architecture, width and stem in words.
  var encoderDescription: String {
    "\(configuration.encoder.architecture.rawValue), width \(configuration.encoder.width), \(configuration.encoder.stem.rawValue) stem"
  }
}

/// What convolutions run in while features are computed.
enum EvaluationPrecision: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16

  var dtype: DType { self == .fp32 ? .float32 : .bfloat16 }
}
