import ArgumentParser
import Augmentation
import DataSets
import Encoders
import Evaluation
import Foundation
import Launching
import Loading
import Pretraining
import Torch
import TorchNN

/// An encoder, ready to embed data sets as its configuration says.
struct Embedding {
  let configuration: ResolvedConfiguration
  let extractor: FeatureExtractor
  /// Architecture, width and stem in words, and whose weights it has.
  let encoderDescription: String
  private let images: ImageSelection
  private let console: Console

  /// - Parameter precision: what convolutions run in, whatever the run was trained in; float32 measures best.
  init(
    _ selection: EncoderSelection, images: ImageSelection, device name: String, precision: EvaluationPrecision,
    console: Console
  ) throws {
    let device = try Device(named: name)
    // A measure is the same on every device, whatever the run was trained with.
    TorchRuntime.allowsTF32 = false
    let encoder: any ImageEncoder
    (encoder, configuration, encoderDescription) = try selection.open(console)
    extractor = FeatureExtractor(encoder, device: device, precision: precision.dtype)
    self.images = images
    self.console = console
  }

  /// Finds one split of the data, and says where it lies.
  func locate(_ split: DataSetSplit, for use: DataSetLocator.Use) throws -> LocatedDataSet {
    let located = try images.locate(split, for: use, imageKey: configuration.data.imageKey)
    if let remark = located.remark { console.note(remark) }
    console.note("\(split.rawValue) images: \(located.images.count) in \(located.path)")
    return located
  }

  /// Embeds what was opened of a split; images that cannot be read are named and left out.
  func features(of dataSet: any ImageDataSet, split: DataSetSplit) throws -> Features {
    if !dataSet.passedOver.isEmpty { console.note("not used of \(split.rawValue): \(dataSet.passedOver.text)") }
    let loader = LabeledLoader(
      dataSet: dataSet, transform: EvaluationTransform(configuration.augmentation), batchSize: 256,
      threads: Cores.available, batchesAhead: 3,
      appliesExifOrientation: configuration.data.appliesExifOrientation,
      badImageLimit: BadImageLimit(
        percent: images.maximumBadPercent ?? configuration.data.maximumBadPercent,
        settingName: "--maximum-bad-percent"),
      onBadImage: { FileHandle.standardError.write(Data("skipped an image: \($0)\n".utf8)) })
    defer { console.endLive() }
    return try extractor.features(of: loader) { console.live("embedding \(split.rawValue)  \($0)/\($1)") }
  }
}

/// What convolutions run in while features are computed.
enum EvaluationPrecision: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16

  var dtype: DType { self == .fp32 ? .float32 : .bfloat16 }
}
