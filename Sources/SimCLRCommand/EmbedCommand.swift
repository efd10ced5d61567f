import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Pretraining
import Torch

struct EmbedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Write the features of a data set to a file, with the names of its rows.",
    discussion: """
      safetensors  `features` [N, D], `labels` [N] (-1 where there are none), `indices` [N], and `names`: bytes of UTF-8, a \
      line for each row; the metadata have `class_names`, `encoder` and `split`
      npz          NumPy's, with the same arrays; `names` and `class_names` are arrays of text
      csv          a line for each row: name, split, label, class, and the features f0, f1, …
      Beside the first two lies a table of the rows, FILE.csv: name, split, label, class. A name is the image's path in the \
      data set, or what it is called in its archive.
      """)

  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var images: ImageSelection

  @Option(help: .init("The file to write.", valueName: "FILE"))
  var output: String

  @Option(
    help: "safetensors, npz or csv (default: what the file's name ends in, or else safetensors).")
  var format: EmbeddingExport.Format?

  @Option(
    help: "train, test, validation or unlabeled (default: train, or what --train or --test gives).")
  var split: DataSetSplit?

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  func run() throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let embedding = try Embedding(encoder, images: images, device: device, precision: precision, console: console)
    let split = split ?? (images.data == nil && images.train == nil ? .test : .train)
    let located = try embedding.locate(split, for: .any)
    let features = try embedding.features(of: located.images, split: split)
    try embedding.extractor.requireFrozen()
    let export = EmbeddingExport(
      features, names: features.sampleIndices.map(located.images.key(at:)), split: split.rawValue,
      encoder: embedding.encoderDescription)
    let format = format ?? .init(ofFileNamed: output) ?? .safetensors
    let url = URL(fileURLWithPath: output)
    try export.write(to: url, as: format)
    console.note("\(features.count) images, \(features.dimension) features each: \(output)")
    guard format != .csv else { return }
    let rows = output + ".csv"
    try export.writeRows(to: URL(fileURLWithPath: rows))
    console.note("what its rows are of: \(rows)")
  }
}

extension EmbeddingExport.Format: ExpressibleByArgument {}
