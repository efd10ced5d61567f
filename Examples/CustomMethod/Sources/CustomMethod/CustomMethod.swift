import Augmentation
import DataSets
import Encoders
import Evaluation
import Foundation
import Loading
import Pretraining

/// Draws images, pretrains an encoder on them by `AlignmentAndUniformity`, and says what it learned.
@main
struct CustomMethod {
  static let recipe = """
    method: {name: custom}
    encoder: {architecture: resnet18, width: 0.25, stem: cifar}
    projection_head: {hidden_dimension: 256, output_dimension: 64}
    augmentation: {image_size: 32, crop_scale_minimum: 0.3, blur_probability: 0}
    optimizer: {name: sgd, learning_rate: 0.06, learning_rate_scaling: none, weight_decay: 5.0e-4}
    schedule: {warmup_epochs: 1}
    training: {global_batch_size: 128, epochs: 1}
    """

  /// Takes `section.key=value` on the command line, as `simclr pretrain` does.
  static func main() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("custom-method-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let images = folder.appendingPathComponent("shapes")
    try ShapesDataSet(trainCount: 2000, testCount: 500, imageSizePixels: 32).write(to: images, threads: 2)

    let overrides = ["data.path=\(images.path)"] + CommandLine.arguments.dropFirst()
    let configuration = try Configuration(yaml: recipe, name: "the recipe", overrides: overrides).resolved()
    let run = RunFolder(folder.appendingPathComponent("run"))
    let training = try Pretraining.start(configuration, in: run, method: AlignmentAndUniformity.init)
    _ = try training.train(report: { event in
      if case .epoch(let epoch) = event { print("epoch \(epoch.epoch)  mean loss \(epoch.meanLoss)") }
    })

    let untrained = try accuracy(of: run.encoder(randomlyInitialized: true), on: images, configuration.augmentation)
    let trained = try accuracy(of: run.encoder(), on: images, configuration.augmentation)
    print("kNN top-1, % of 500 test images: \(untrained.top1) untrained, \(trained.top1) trained")
  }

  /// How often the nearest train images name the class of a test image.
  static func accuracy(
    of encoder: any ImageEncoder, on images: URL, _ augmentation: AugmentationConfiguration
  ) throws -> Accuracy {
    let extractor = FeatureExtractor(encoder)
    func features(_ split: DataSetSplit) throws -> Features {
      let loader = LabeledLoader(
        dataSet: try DataSetLocator.open(images, split: split),
        transform: EvaluationTransform(augmentation), batchSize: 256, threads: 2)
      return try extractor.features(of: loader)
    }
    return try NearestNeighbors(k: 20).accuracy(train: features(.train), test: features(.test))
  }
}
