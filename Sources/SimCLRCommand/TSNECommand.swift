import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Images
import Pretraining
import Torch

struct TSNECommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tsne",
    abstract: "Draw images on a plane, near each other where their features are alike.",
    discussion: """
      t-SNE with openTSNE's settings: it starts from the principal components, exaggerates for 250 steps, and takes 500 \
      more. Up to 2,000 images every pair repels exactly; beyond, repulsion is interpolated by Fourier transforms (FIt-SNE). \
      Labels color the picture and decide nothing.

      It writes tsne.csv (x, y, label, class and name of every image), tsne.svg, tsne.png and tsne.json.
      """)

  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var images: ImageSelection

  @Option(help: "train, test or (STL-10) unlabeled.")
  var split: DataSetSplit = .test

  @Option(help: "How many neighbors an image has in effect.")
  var perplexity = 30.0

  @Option(help: "Steps after those with exaggeration.")
  var iterations = 500

  @Option(help: .init("Where files are written (default: the run's evaluation folder).", valueName: "DIR"))
  var output: String?

  @Option(help: "auto, cpu, cuda or cuda:N: where features are computed.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  @Flag(help: "Print one JSON object.")
  var json = false

  /// What tsne.json has.
  private struct Result: Encodable {
    struct Settings: Encodable {
      let name = "tsne"
      let perplexity: Double
      let exaggeration: Double
      let exaggeratedIterations: Int
      let iterations: Int
      let repulsion: String
    }
    let `protocol`: Settings
    let klDivergence: Double
    let count: Int
    let split: String
    let featureDimension: Int
    let encoder: String
    let encoderHash: EvaluationResult.EncoderHash
    let isRandomInitialization: Bool
    let data: EvaluatedImages
    let precision: String
    let version = SimCLRVersion.current
  }

  func validate() throws {
    if output == nil, encoder.run == nil {
      throw ValidationError("give --output DIR: \(encoder.path) is a file of weights, which has no folder for results")
    }
    if !(perplexity > 1) { throw ValidationError("--perplexity: expected more than 1, got \(perplexity)") }
    if iterations < 1 { throw ValidationError("--iterations: expected at least 1, got \(iterations)") }
  }

  func run() throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let embedding = try Embedding(encoder, images: images, device: device, precision: precision, console: console)
    let located = try embedding.locate(split, for: .any)
    let dataSet = located.images
    let features = try embedding.features(of: dataSet, split: split)
    try embedding.extractor.requireFrozen()
    var settings = TSNE()
    (settings.perplexity, settings.iterations) = (perplexity, iterations)
    let layout = try settings(features.values) { progress in
      switch progress {
      case .neighbors(let done, let total): console.live("t-SNE  neighbors of \(done)/\(total) images")
      case .steps(let done, let total): console.live("t-SNE  step \(done)/\(total)")
      }
    }
    console.endLive()
    let result = Result(
      protocol: .init(
        perplexity: perplexity, exaggeration: settings.exaggeration,
        exaggeratedIterations: settings.exaggeratedIterations, iterations: iterations,
        repulsion: features.count <= settings.exactPointLimit ? "exact" : "interpolated"),
      klDivergence: layout.divergence, count: features.count, split: split.rawValue,
      featureDimension: features.dimension, encoder: embedding.encoderDescription,
      encoderHash: .init(
        before: embedding.extractor.encoderHash, after: embedding.extractor.encoder.stateHash()),
      isRandomInitialization: embedding.isRandomlyInitialized, data: EvaluatedImages(dataSet, at: located.path),
      precision: "\(precision.dtype)")
    let folder = try write(layout, features, of: dataSet, result, console)
    if json { return console.result(String(decoding: try ReadableJSON.data(result).dropLast(), as: UTF8.self)) }
    console.result(
      "tsne  KL divergence \(layout.divergence.fixed(4))  (\(features.count) images): \(folder.path)/tsne\(encoder.suffix).svg"
    )
  }

  private func write(
    _ layout: TSNE.Embedding, _ features: Features, of dataSet: any ImageDataSet, _ result: Result, _ console: Console
  ) throws -> URL {
    let folder = output.map { URL(fileURLWithPath: $0) } ?? encoder.run!.evaluationURL
    try (encoder.run ?? RunFolder(folder)).makeFolder(folder)
    func url(_ kind: String) -> URL { folder.appendingPathComponent("tsne\(encoder.suffix).\(kind)") }
    var rows = ["x,y,label,class,name"]
    for (row, point) in layout.points.enumerated() {
      let label = features.labels[row]
      let name = features.classNames.indices.contains(label) ? features.classNames[label] : ""
      let image = dataSet.name(at: features.sampleIndices[row])
      rows.append("\(point.x),\(point.y),\(label < 0 ? "" : "\(label)"),\(Self.quoted(name)),\(Self.quoted(image))")
    }
    try DurableFile.write(Data((rows.joined(separator: "\n") + "\n").utf8), to: url("csv"))
    let picture = ScatterPicture(layout.points, labels: features.labels, classNames: features.classNames)
    try DurableFile.write(Data(picture.svg().utf8), to: url("svg"))
    let typeface = try? Typeface(ofSystemWithSizePixels: 16)
    if typeface == nil, !features.classNames.isEmpty {
      console.note("no font found: the names of classes are in tsne.svg, not in tsne.png")
    }
    try DurableFile.write(Data(ImageCodec.encodePNG(picture.pixels(typeface))), to: url("png"))
    try DurableFile.write(ReadableJSON.data(result), to: url("json"))
    return folder
  }

  /// A field of a CSV file, whatever it holds.
  private static func quoted(_ text: String) -> String {
    "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\""
  }
}
