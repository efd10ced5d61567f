import ArgumentParser
import Evaluation
import Foundation
import Torch

/// What all evaluations by classes are asked.
struct EvaluationOptions: ParsableArguments {
  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var images: ImageSelection

  @Option(
    help: .init(
      "Of STL-10: teach with one of its folds of 1,000 train images, 0…9, or with each in turn for the mean (all).",
      valueName: "N"))
  var fold: FoldChoice?

  @Flag(
    inversion: .prefixedNo,
    help: "Measure the same encoder with its first weights, untrained, too, unless the run has that result already.")
  var baseline = true

  @Option(help: "auto, cpu, cuda or cuda:N.")
  var device: String = "auto"

  @Option(help: "What convolutions run in, fp32 or bf16.")
  var precision = EvaluationPrecision.fp32

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if fold != nil, images.classes != nil || images.trainSubset != nil {
      throw ValidationError("--fold chooses the train images; it does not go with --classes or --train-subset")
    }
  }

  /// Carries out a protocol with the encoder and with the untrained one, and says what came of it.
  ///
  /// - Parameter name: of the result's file, without what the choice of folds and weights adds.
  func evaluate(name: String, seed: UInt64, by carryOut: Evaluator.Work) throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let data = try EvaluationImages(images, fold: fold, imageKey: encoder.imageKey(), console: console)
    let evaluator = Evaluator(
      encoder, images: images, data: data, device: device, precision: precision, measuresBaseline: baseline,
      console: console)
    let name = name + (fold?.suffix ?? "")
    let result = try evaluator.result(named: name, seed: seed, by: carryOut)
    if json { return console.result(String(decoding: try ReadableJSON.data(result).dropLast(), as: UTF8.self)) }
    console.result(result.line(named: name + encoder.suffix))
  }
}

extension EvaluationResult {
  /// For people.
  fileprivate func line(named name: String) -> String {
    let interval = "\(top1Interval.low.fixed(2))…\(top1Interval.high.fixed(2))"
    let untrained = baseline.map { "  untrained \($0.top1.fixed(2)) %" } ?? ""
    return
      "\(name)  top-1 \(top1.fixed(2)) % (\(interval))  top-5 \(top5.fixed(2)) %\(untrained)  (\(trainCount) train, \(testCount) test images, \(classCount) classes)"
  }
}
