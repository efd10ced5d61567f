import ArgumentParser
import Augmentation
import DataSets
import Encoders
import Evaluation
import Foundation
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

  /// Embeds one split of the data; images that cannot be read are named and left out.
  func features(of split: DataSetSplit) throws -> Features { try features(of: images.open(split), split: split) }

  /// Embeds what was opened of a split.
  func features(of dataSet: any ImageDataSet, split: DataSetSplit) throws -> Features {
    if !dataSet.passedOver.isEmpty { console.note("not used of \(split.rawValue): \(dataSet.passedOver.text)") }
    let loader = LabeledLoader(
      dataSet: dataSet, transform: EvaluationTransform(configuration.augmentation), batchSize: 256,
      threads: ProcessInfo.processInfo.activeProcessorCount, batchesAhead: 3,
      appliesExifOrientation: configuration.data.appliesExifOrientation,
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

/// Which images are embedded.
struct ImageSelection: ParsableArguments {
  @Option(
    help: .init(
      "A root that holds train/ and test/ or val/ (folders or tar archives), or what CIFAR, STL-10 or ImageNet come as.",
      valueName: "DIR"))
  var data: String

  @Option(help: .init("A file that names the classes to take, one a line.", valueName: "FILE"))
  var classes: String?

  @Option(
    help: .init("A file that names the train images to take, one a line (1 % and 10 % of ImageNet).", valueName: "FILE")
  )
  var trainSubset: String?

  func open(_ split: DataSetSplit) throws -> any ImageDataSet {
    var images = try DataSetLocator.open(URL(fileURLWithPath: data), split: split)
    if let classes, split != .unlabeled {
      images = try SubsetDataSet(images, classesIn: URL(fileURLWithPath: classes))
    }
    if let trainSubset, split == .train {
      images = try SubsetDataSet(images, imagesIn: URL(fileURLWithPath: trainSubset))
    }
    return images
  }

  /// The folds that were chosen: their numbers and the train images in each.
  func folds(_ choice: FoldChoice) throws -> [(number: Int, images: [Int])] {
    let folds = try DataSetLocator.folds(at: URL(fileURLWithPath: data)).enumerated().map { ($0, $1) }
    return switch choice {
    case .all: folds
    case .one(let fold): [folds[fold]]
    }
  }
}

/// Which of STL-10's ten folds teach.
enum FoldChoice: ExpressibleByArgument {
  case all
  case one(Int)

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let fold = Int(argument), 0..<10 ~= fold {
      self = .one(fold)
    } else {
      return nil
    }
  }

  /// What it adds to the name of a result.
  var suffix: String {
    switch self {
    case .all: "-folds"
    case .one(let fold): "-fold\(fold)"
    }
  }
}
