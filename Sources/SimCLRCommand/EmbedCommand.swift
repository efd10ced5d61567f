import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Pretraining
import Torch

struct EmbedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Write the features of a data set to a safetensors file.",
    discussion: "The file holds `features` [N, D], `labels` [N] (-1 where there are none) and `indices` [N].")

  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var images: ImageSelection

  @Option(help: .init("The file to write.", valueName: "FILE.safetensors"))
  var output: String

  @Option(help: "train, test or (STL-10) unlabeled.")
  var split: DataSetSplit = .train

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  func run() throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let embedding = try Embedding(encoder, images: images, device: device, precision: precision, console: console)
    let features = try embedding.features(of: split)
    try embedding.extractor.requireFrozen()
    try EmbeddingExport(features, encoder: embedding.encoderDescription).write(to: URL(fileURLWithPath: output))
    console.note("\(features.count) images, \(features.dimension) features each: \(output)")
  }
}

extension DataSetSplit: ExpressibleByArgument {}
