import ArgumentParser
import DataSets
import Evaluation
import Foundation
import Pretraining
import Torch
import TorchNN

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well frozen features tell classes apart.",
    discussion: """
      Features of the train images teach, those of the test images are judged; nothing is chosen on the test images. \
      With --random-initialization the encoder has the first weights of its seed, untrained: the baseline to beat.
      """,
    subcommands: [KNNCommand.self, LinearCommand.self])
}

/// What all evaluations are asked.
struct EvaluationOptions: ParsableArguments {
  @OptionGroup var encoder: EncoderSelection

  @OptionGroup var images: ImageSelection

  @Option(
    help: .init(
      "Of STL-10: teach with one of its folds of 1,000 train images, 0…9, or with each in turn for the mean (all).",
      valueName: "N"))
  var fold: FoldChoice?

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

  /// Embeds both splits with one encoder, evaluates, checks that the encoder stayed as it was, and saves the result in
  /// the run's folder, if it is of a run.
  func evaluate(seed: UInt64, by protocolOf: (ResolvedConfiguration) -> EvaluationProtocol) throws {
    TorchRuntime.keepFreedMemory()
    let console = Console()
    let embedding = try Embedding(encoder, images: images, device: device, precision: precision, console: console)
    let folds = try fold.map(images.folds)
    let trainData = try embedding.locate(.train, for: .evaluation)
    var testData = try embedding.locate(.test, for: .evaluation)
    let trainImages = trainData.images
    let testImages = try ClassAlignedDataSet(testData.images, with: trainImages)
    testData.images = testImages
    for (split, classes) in [("train", trainImages.emptyClasses), ("test", testImages.classesWithoutImages)]
    where !classes.isEmpty {
      let names = classes.prefix(5).joined(separator: ", ") + (classes.count > 5 ? ", …" : "")
      console.note("no \(split) images of \(classes.count == 1 ? "1 class" : "\(classes.count) classes"): \(names)")
    }
    let train = try embedding.features(of: trainImages, split: .train)
    let test = try embedding.features(of: testImages, split: .test)
    let evaluation = protocolOf(embedding.configuration)
    let parts = folds?.map { train.selecting($0.images) } ?? [train]
    let accuracies = try parts.map { part in
      try evaluation.accuracy(train: part, test: test, seed: seed, console: console)
    }
    let result = EvaluationResult(
      evaluation, Accuracy(meanOf: accuracies), train: parts[0], test: test, seed: seed,
      encoder: embedding.encoderDescription, isRandomInitialization: encoder.randomInitialization,
      folds: folds.map { zip($0, accuracies).map { .init($0.number, $1) } },
      data: EvaluatedData(train: trainData, test: testData))
    try embedding.extractor.requireFrozen()
    let name = result.protocol.name + (fold?.suffix ?? "") + encoder.suffix
    if let run = encoder.run {
      try run.makeFolder(run.evaluationURL)
      try result.write(to: run.evaluationURL.appendingPathComponent("\(name).json"))
    }
    if json { return try console.json(result) }
    console.result(
      "\(name)  top-1 \(result.top1.fixed(2)) %  top-5 \(result.top5.fixed(2)) %  (\(result.trainCount) train, \(result.testCount) test images, \(result.classCount) classes)"
    )
  }
}

extension EvaluationProtocol {
  /// Carries out the protocol and shows how far it is.
  fileprivate func accuracy(train: Features, test: Features, seed: UInt64, console: Console) throws -> Accuracy {
    defer { console.endLive() }
    switch self {
    case .knn(let neighbors):
      return try neighbors.accuracy(train: train, test: test) { console.live("kNN  \($0)/\($1) test images") }
    case .linear(let probe):
      return try probe.train(on: train, seed: seed) { done, total, loss in
        console.live("linear  epoch \(done)/\(total)  loss \(loss.fixed(4))")
      }.accuracy(on: test)
    }
  }
}

struct KNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knn", abstract: "Let the nearest train images vote, weighted by cosine similarity.")

  @OptionGroup var options: EvaluationOptions

  @Option(help: "How many neighbors vote (default: the run's evaluation.knn_neighbors, 20).")
  var neighbors: Int?

  @Option(help: "The temperature of a vote's weight (default: the run's evaluation.knn_temperature, 0.1).")
  var temperature: Double?

  func run() throws {
    try options.evaluate(seed: 0) { configuration in
      .knn(
        NearestNeighbors(
          k: neighbors ?? configuration.evaluation.knnNeighbors,
          temperature: temperature ?? configuration.evaluation.knnTemperature))
    }
  }
}

struct LinearCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linear",
    abstract: "Train a linear classifier on frozen features.",
    discussion: """
      The protocol is the run's section `evaluation`, by default the paper's: 10 epochs of SGD at rate 0.1 with momentum \
      0.9 and a cosine, batches of 256, features standardized by the train images.
      """)

  @OptionGroup var options: EvaluationOptions

  @Option(help: "Passes over the train images (default: the run's evaluation.linear_epochs, 10).")
  var epochs: Int?

  @Option(help: "Images a step (default: the run's evaluation.linear_batch_size, 256).")
  var batchSize: Int?

  @Option(help: "The first learning rate (default: the run's evaluation.linear_learning_rate, 0.1).")
  var learningRate: Double?

  @Option(help: "Orders the train images.")
  var seed: UInt64 = 0

  func run() throws {
    try options.evaluate(seed: seed) { configuration in
      .linear(
        LinearProbe(
          epochs: epochs ?? configuration.evaluation.linearEpochs,
          learningRate: learningRate ?? configuration.evaluation.linearLearningRate,
          momentum: configuration.evaluation.linearMomentum,
          batchSize: batchSize ?? configuration.evaluation.linearBatchSize,
          weightDecay: configuration.evaluation.linearWeightDecay))
    }
  }
}
