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
  /// Whether the encoder has its first weights.
  let isRandomlyInitialized: Bool
  private let selection: EncoderSelection
  private let isUntrained: Bool
  private let images: ImageSelection
  private let console: Console

  /// - Parameters:
  ///   - untrained: takes first weights in place of those that were selected.
  ///   - precision: what convolutions run in, whatever the run was trained in; float32 measures best.
  init(
    _ selection: EncoderSelection, untrained: Bool = false, images: ImageSelection, device name: String,
    precision: EvaluationPrecision,
    console: Console
  ) throws {
    let device = try Device(named: name)
    // A measure is the same on every device, whatever the run was trained with.
    TorchRuntime.allowsTF32 = false
    let encoder: any ImageEncoder
    (encoder, configuration, encoderDescription) = try selection.open(console, untrained: untrained)
    isRandomlyInitialized = untrained || selection.randomInitialization
    extractor = FeatureExtractor(encoder, device: device, precision: precision.dtype)
    (self.selection, isUntrained) = (selection, untrained)
    self.images = images
    self.console = console
  }

  /// Finds one split of the data, and says where it lies.
  func locate(_ split: DataSetSplit, for use: DataSetLocator.Use) throws -> LocatedDataSet {
    try images.locate(split, for: use, imageKey: configuration.data.imageKey, console: console)
  }

  /// Another encoder with the weights that this one was given, to be trained.
  func makeEncoder() throws -> any ImageEncoder { try selection.open(nil, untrained: isUntrained).encoder }

  /// Embeds what was opened of a split; images that cannot be read are named and left out.
  ///
  /// - Parameter other: another encoder than this one.
  func features(
    of dataSet: any ImageDataSet, split: DataSetSplit, by other: FeatureExtractor? = nil
  ) throws -> Features {
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
    return try (other ?? extractor).features(of: loader) { console.live("embedding \(split.rawValue)  \($0)/\($1)") }
  }
}

/// What convolutions run in while features are computed.
enum EvaluationPrecision: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16

  var dtype: DType { self == .fp32 ? .float32 : .bfloat16 }
}
