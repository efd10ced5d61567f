import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Pretraining
import Torch

struct TransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Measure an encoder on several data sets, in one table.",
    discussion: """
      On each data set: logistic regression on frozen features (`linear --protocol lbfgs`), nearest neighbors, and with \
      --finetune fine-tuning with all labels. STL-10 teaches by its folds. Each data set has its top-1 and the mean of its \
      classes' top-1, the measure of data sets whose classes are of unequal size.
      """)

  @OptionGroup var encoder: EncoderSelection

  @Option(
    help: .init(
      "A root that holds train/ and test/ or val/, or what CIFAR, STL-10 or ImageNet come as. Give it several times.",
      valueName: "DIR"))
  var data: [String]

  @Flag(help: "Fine-tune on each as well, which takes much longer.")
  var finetune = false

  @Option(help: "With --finetune: passes over the train images.")
  var epochs = 30

  @Flag(inversion: .prefixedNo, help: "Measure the same encoder with its first weights, untrained, too.")
  var baseline = true

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  @Option(help: "Says which train images are held out, and orders and crops images.")
  var seed: UInt64 = 0

  @Flag(help: "Print one JSON object.")
  var json = false

  /// What came of all data sets.
  private struct Transfer: Encodable {
    struct Entry: Encodable {
      let data: String
      let result: EvaluationResult
    }
    let encoder: String
    let results: [Entry]
  }

  func validate() throws {
    if data.isEmpty { throw ValidationError("give --data once for each data set") }
    if epochs < 1 { throw ValidationError("--epochs: expected at least 1, got \(epochs)") }
  }

  func run() throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    // All of them are opened before the first is measured, which may take long.
    let opened = try data.map { path in
      let images = try ImageSelection.parse(["--data", path])
      let hasFolds = (try? DataSetLocator.folds(at: URL(fileURLWithPath: path))) != nil
      return (
        path, images,
        try EvaluationImages(
          images, fold: hasFolds ? .all : nil, imageKey: encoder.imageKey(), console: console)
      )
    }
    var entries: [Transfer.Entry] = []
    for (number, (path, images, data)) in opened.enumerated() {
      console.note("\(path)")
      let evaluator = Evaluator(
        encoder, images: images, data: data, device: device, precision: precision, measuresBaseline: baseline,
        console: console)
      for (name, carryOut) in protocols {
        let name = "transfer-\(Self.name(of: path, number, among: self.data))-\(name)"
        entries.append(
          .init(data: path, result: try evaluator.result(named: name, seed: seed, by: carryOut)))
      }
    }
    let transfer = Transfer(encoder: entries[0].result.encoder, results: entries)
    let text = try ReadableJSON.data(transfer)
    if let run = encoder.run {
      try DurableFile.write(text, to: run.evaluationURL.appendingPathComponent("transfer\(encoder.suffix).json"))
    }
    if json { return console.result(String(decoding: text.dropLast(), as: UTF8.self)) }
    for line in table(entries) { console.result(line) }
  }

  private var protocols: [(name: String, carryOut: Evaluator.Work)] {
    let frozen: [(String, Evaluator.Work)] = [
      ("knn", { try $0.nearestNeighbors(neighbors: nil, temperature: nil, choose: false, seed: seed) }),
      ("linear-lbfgs", { try $0.logisticRegression(LogisticRegression(), seed: seed) }),
    ]
    let tuned: [(String, Evaluator.Work)] = [
      ("finetune-100", { try $0.fineTune(FineTuning(labelPercent: 100, epochs: epochs), seed: seed) })
    ]
    return frozen + (finetune ? tuned : [])
  }

  /// The last part of a data set's path, with its number where another has the same.
  private static func name(of path: String, _ number: Int, among all: [String]) -> String {
    func last(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }
    return last(path) + (all.filter { last($0) == last(path) }.count > 1 ? "-\(number + 1)" : "")
  }

  private func table(_ entries: [Transfer.Entry]) -> [String] {
    let rows =
      [["data", "protocol", "top-1 %", "95 % interval", "per class %", "untrained %"]]
      + entries.map { entry in
        let result = entry.result
        return [
          entry.data, result.protocol.name, result.top1.fixed(2),
          "\(result.top1Interval.low.fixed(2))…\(result.top1Interval.high.fixed(2))", result.meanPerClass.fixed(2),
          result.baseline?.top1.fixed(2) ?? "–",
        ]
      }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      row.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return column < 2 ? text + space : space + text
      }.joined(separator: "  ")
    }
  }
}
