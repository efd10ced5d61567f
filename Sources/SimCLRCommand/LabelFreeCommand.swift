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

struct LabelFreeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label-free",
    abstract: "Measure features without labels: RankMe, LiDAR, alignment, uniformity.",
    discussion: """
      RankMe is of the images as they are measured; the others are of views made as in pretraining. None is an accuracy: \
      they tell collapse from spread, and rank trainings of one kind. The encoder untrained is measured beside it.
      """)

  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var selection: ImageSelection

  @Option(help: "train, test or (STL-10) unlabeled.")
  var split: DataSetSplit = .train

  @Option(help: "Images that are measured, spread evenly over the data set.")
  var images = 2000

  @Option(help: "Views of each image, an even number.")
  var views = 10

  @Option(help: "What views are drawn from.")
  var seed: UInt64 = 0

  @Flag(inversion: .prefixedNo, help: "Measure the same encoder with its first weights, untrained, too.")
  var baseline = true

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  @Flag(help: "Print one JSON object.")
  var json = false

  /// What label-free.json has.
  private struct Result: Encodable {
    struct Settings: Encodable {
      let name = "label-free"
      let images: Int
      let views: Int
    }
    let `protocol`: Settings
    let measures: LabelFreeMeasures
    let baseline: LabelFreeMeasures?
    let split: String
    let seed: UInt64
    let featureDimension: Int
    let encoder: String
    let encoderHash: EvaluationResult.EncoderHash
    let isRandomInitialization: Bool
    let data: EvaluatedImages
    let precision: String
    let version = SimCLRVersion.current
  }

  func validate() throws {
    if images < 2 { throw ValidationError("--images: expected at least 2, got \(images)") }
    if views < 2 || !views.isMultiple(of: 2) {
      throw ValidationError("--views: expected an even number of at least 2, got \(views)")
    }
  }

  func run() throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let located = try selection.locate(split, for: .any, imageKey: encoder.imageKey(), console: console)
    let all = located.images
    guard all.count >= 2 else { throw EvaluationError("label-free: expected at least 2 images, got \(all.count)") }
    let count = min(images, all.count)
    let chosen = SubsetDataSet(all, indices: (0..<count).map { $0 * all.count / count })
    let (embedding, measures) = try measure(chosen, untrained: false, console)
    let untrained = baseline && !embedding.isRandomlyInitialized
    let result = Result(
      protocol: .init(images: count, views: views), measures: measures,
      baseline: untrained ? try measure(chosen, untrained: true, console).measures : nil, split: split.rawValue,
      seed: seed, featureDimension: embedding.extractor.encoder.featureCount, encoder: embedding.encoderDescription,
      encoderHash: .init(before: embedding.extractor.encoderHash, after: embedding.extractor.encoder.stateHash()),
      isRandomInitialization: embedding.isRandomlyInitialized, data: EvaluatedImages(chosen, at: located.path),
      precision: "\(precision.dtype)")
    if let run = encoder.run {
      try run.makeFolder(run.evaluationURL)
      try DurableFile.write(
        ReadableJSON.data(result), to: run.evaluationURL.appendingPathComponent("label-free\(encoder.suffix).json"))
    }
    if json { return console.result(String(decoding: try ReadableJSON.data(result).dropLast(), as: UTF8.self)) }
    console.result("\(line(measures))  (\(count) images)")
    if let baseline = result.baseline { console.result("untrained  \(line(baseline))") }
  }

  private func measure(
    _ dataSet: any ImageDataSet, untrained: Bool, _ console: Console
  ) throws -> (embedding: Embedding, measures: LabelFreeMeasures) {
    let embedding = try Embedding(
      encoder, untrained: untrained, images: selection, device: device, precision: precision, console: console)
    let features = try embedding.features(of: dataSet, split: split)
    defer { console.endLive() }
    var options = ViewLoader.Options(threads: Cores.available)
    options.appliesExifOrientation = embedding.configuration.data.appliesExifOrientation
    var augmentation = embedding.configuration.augmentation
    augmentation.localViews.count = 0
    let views = try embedding.extractor.features(
      ofViews: views, of: dataSet, by: ViewAugmenter(augmentation, seed: seed), options: options,
      onBadImage: { FileHandle.standardError.write(Data("skipped an image: \($0)\n".utf8)) },
      onProgress: { console.live("embedding views  \($0)/\($1)") })
    return (embedding, LabelFreeMeasures(features: features.values, views: views))
  }

  private func line(_ measures: LabelFreeMeasures) -> String {
    "RankMe \(measures.rankMe.fixed(2)) of \(measures.largestRank)  LiDAR \(measures.lidar.fixed(2))  alignment \(measures.alignment.fixed(3))  uniformity \(measures.uniformity.fixed(3))"
  }
}
