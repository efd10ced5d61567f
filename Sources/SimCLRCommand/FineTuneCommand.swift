import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Pretraining

struct FineTuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Train encoder and a linear classifier together on some of the labels.",
    discussion: """
      SimCLR's protocol: crops and flips, SGD with Nesterov momentum 0.9, rate 0.05 · batch / 256 with a cosine, no weight \
      decay; 60 epochs for less than 10 % of the labels, else 30. The same share of every class is taken, by --seed; for \
      published lists give --train-subset and --labels 100. The baseline beside it is the same network trained from its \
      first weights on the same labels.
      """)

  @OptionGroup var options: EvaluationOptions

  @Option(help: .init("How many of the labels are used: 1, 10, 100 or another share.", valueName: "PERCENT"))
  var labels: Double

  @Option(help: "Passes over those images (default: 60, or 30 for 10 % and more).")
  var epochs: Int?

  @Option(help: "Images a step.")
  var batchSize = 256

  @Option(help: "The first learning rate with a batch of 256; it grows with the batch.")
  var learningRate = 0.05

  @Option(help: "Chooses the labels, orders images and crops them.")
  var seed: UInt64 = 0

  private var settings: FineTuning {
    FineTuning(labelPercent: labels, epochs: epochs, learningRatePer256: learningRate, batchSize: batchSize)
  }

  func validate() throws {
    do {
      try settings.validate()
    } catch let error as EvaluationError {
      throw ValidationError(error.description)
    }
  }

  func run() throws {
    let share = labels == labels.rounded() ? "\(Int(labels))" : "\(labels)"
    try options.evaluate(name: "finetune-\(share)", seed: seed) { subject in
      try subject.fineTune(settings, seed: seed)
    }
  }
}

extension EvaluationSubject {
  /// Fine-tunes a copy of the encoder.
  func fineTune(_ settings: FineTuning, seed: UInt64) throws -> EvaluationOutcome {
    defer { console.endLive() }
    let all = trainImages
    let chosen = try LabelShare.indices(of: all, percent: settings.labelPercent, seed: seed)
    let images = SubsetDataSet(all, indices: chosen)
    let crops = try crops(of: images, batchSize: settings.batchSize, seed: seed)
    let judgement = try settings.judge(
      embedding.makeEncoder(), train: crops, classNames: self.images.train.classNames,
      device: embedding.extractor.device, precision: embedding.extractor.precision,
      onEpoch: { self.console.live("fine-tuning  epoch \($0)/\($1)  loss \($2.fixed(4))") },
      testFeatures: testFeatures(by:))
    return EvaluationOutcome(.fineTuning(settings), judgement, trainCount: chosen.count)
  }
}
