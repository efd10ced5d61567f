import ArgumentParser
import Evaluation
import Foundation
import Pretraining

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well features tell classes apart.",
    discussion: """
      Features of the train images teach, those of the test images are judged; nothing is chosen on the test images. \
      The same encoder with its first weights, untrained, is measured beside it: the baseline to beat.
      """,
    subcommands: [
      KNNCommand.self, LinearCommand.self, FineTuneCommand.self, TransferCommand.self, LabelFreeCommand.self,
      TSNECommand.self,
    ])
}

struct KNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knn", abstract: "Let the nearest train images vote, weighted by cosine similarity.")

  @OptionGroup var options: EvaluationOptions

  @Option(help: "How many neighbors vote (default: the run's evaluation.knn_neighbors, 20).")
  var neighbors: Int?

  @Option(help: "The temperature of a vote's weight (default: the run's evaluation.knn_temperature, 0.1).")
  var temperature: Double?

  @Flag(help: "Choose both on a tenth of the train images, with the others as neighbors.")
  var choose = false

  @Option(help: "With --choose: which train images are held out.")
  var seed: UInt64 = 0

  func validate() throws {
    if choose, neighbors != nil || temperature != nil {
      throw ValidationError("--choose finds --neighbors and --temperature: give one or the other")
    }
  }

  func run() throws {
    try options.evaluate(name: choose ? "knn-chosen" : "knn", seed: seed) { subject in
      try subject.nearestNeighbors(neighbors: neighbors, temperature: temperature, choose: choose, seed: seed)
    }
  }
}

struct LinearCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linear",
    abstract: "Train a linear classifier on frozen features.",
    discussion: """
      Protocols:
        paper   the run's section `evaluation`, by default the founding paper's: 10 epochs of SGD at rate 0.1 with \
      momentum 0.9 and a cosine, batches of 256, features standardized by the train images
        simclr  SimCLR's: 90 epochs of SGD with Nesterov momentum 0.9 at rate 0.1 · batch / 256, batches of 4,096; images \
      are cropped and mirrored anew in every epoch and go through the encoder, which takes long
        lbfgs   logistic regression solved by L-BFGS; the strength of its regularization is chosen on a tenth of the \
      train images, or given
      """)

  enum LinearProtocol: String, CaseIterable, ExpressibleByArgument {
    case paper, simclr, lbfgs
  }

  @OptionGroup var options: EvaluationOptions

  @Option(help: "paper, simclr or lbfgs.")
  var `protocol` = LinearProtocol.paper

  @Option(help: "Passes over the train images (default: the run's evaluation.linear_epochs, 10; of simclr 90).")
  var epochs: Int?

  @Option(help: "Images a step (default: the run's evaluation.linear_batch_size, 256; of simclr 4096).")
  var batchSize: Int?

  @Option(
    help: """
      The first learning rate (default: the run's evaluation.linear_learning_rate, 0.1; of simclr 0.1 with a batch of 256, \
      growing with the batch).
      """)
  var learningRate: Double?

  @Option(
    help: .init(
      "Of lbfgs: how much squared weights cost beside the mean loss (default: chosen among 10 to 1e-6).",
      valueName: "STRENGTH"))
  var regularization: Double?

  @Option(help: "Orders and crops the train images, and says which are held out.")
  var seed: UInt64 = 0

  func validate() throws {
    if self.protocol == .lbfgs, epochs != nil || batchSize != nil || learningRate != nil {
      throw ValidationError(
        "--epochs, --batch-size and --learning-rate are for --protocol paper and simclr; lbfgs has none")
    }
    if self.protocol != .lbfgs, regularization != nil {
      throw ValidationError("--regularization is for --protocol lbfgs")
    }
  }

  func run() throws {
    switch self.protocol {
    case .paper:
      try options.evaluate(name: "linear", seed: seed) { subject in
        let settings = subject.configuration.evaluation
        return try subject.linearProbe(
          LinearProbe(
            epochs: epochs ?? settings.linearEpochs, learningRate: learningRate ?? settings.linearLearningRate,
            momentum: settings.linearMomentum, batchSize: batchSize ?? settings.linearBatchSize,
            weightDecay: settings.linearWeightDecay), seed: seed)
      }
    case .simclr:
      var probe = AugmentedLinearProbe()
      probe.epochs = epochs ?? probe.epochs
      probe.batchSize = batchSize ?? probe.batchSize
      probe.learningRatePer256 = learningRate ?? probe.learningRatePer256
      try options.evaluate(name: "linear-simclr", seed: seed) { try $0.augmentedLinearProbe(probe, seed: seed) }
    case .lbfgs:
      let settings = LogisticRegression(regularization: regularization)
      try options.evaluate(name: "linear-lbfgs", seed: seed) { try $0.logisticRegression(settings, seed: seed) }
    }
  }
}
