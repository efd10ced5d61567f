import ArgumentParser
import Augmentation
import Encoders
import Evaluation
import Foundation
import Pretraining
import Torch
import TorchNN

/// Which encoder is measured: a run's, or one of published weights.
struct EncoderSelection: ParsableArguments {
  @Argument(
    help: .init(
      "The folder of a run, or a file of weights: safetensors, or what PyTorch saves (1.6 and later).",
      valueName: "RUN|WEIGHTS"))
  var path: String

  @Option(help: .init("Of a run: the checkpoint of so many steps rather than the latest.", valueName: "STEP"))
  var checkpoint: Int?

  @Option(
    help: .init(
      "Of a file of weights: what it holds, such as resnet50. Files that `simclr export` wrote say so themselves.",
      valueName: "NAME"))
  var architecture: EncoderArchitecture?

  @Option(
    help: .init(
      "Of a file of weights: side of the images in pixels (default: what the file says, else 224).", valueName: "PIXELS"
    ))
  var imageSize: Int?

  @Flag(help: "Of a run: the encoder with its first weights, untrained.")
  var randomInitialization = false

  func validate() throws {
    if checkpoint != nil && randomInitialization {
      throw ValidationError("--checkpoint chooses trained weights; it does not go with --random-initialization")
    }
    if let imageSize, !(8...4096 ~= imageSize) {
      throw ValidationError("--image-size: expected 8 to 4096 pixels, got \(imageSize)")
    }
    guard isFile else {
      guard architecture == nil, imageSize == nil else {
        throw ValidationError("--architecture and --image-size describe a file of weights; a run has its own")
      }
      return
    }
    if checkpoint != nil || randomInitialization {
      throw ValidationError("--checkpoint and --random-initialization choose weights of a run, and \(path) is a file")
    }
  }

  /// The run; nil for a file of weights.
  var run: RunFolder? { isFile ? nil : RunFolder(url) }

  /// What the image of a WebDataset sample is called, as the run has it.
  func imageKey() throws -> String { try run?.configuration().data.imageKey ?? "" }

  /// What is added to the name of a result, for each choice of weights has its own.
  var suffix: String { (checkpoint.map { "-step-\($0)" } ?? "") + (randomInitialization ? "-random" : "") }

  /// The encoder, how images are prepared for it, and what it is in words.
  ///
  /// - Parameter untrained: gives it first weights in place of those that were selected: of a run those of its seed, of a file
  ///   those of seed 0.
  func open(_ console: Console?, untrained: Bool = false) throws -> (
    encoder: any ImageEncoder, configuration: ResolvedConfiguration, description: String
  ) {
    if let run {
      let configuration = try run.configuration()
      let encoder = try run.encoder(
        randomlyInitialized: untrained || randomInitialization, checkpoint: untrained ? nil : checkpoint)
      return (encoder, configuration, Self.words(configuration.encoderSettings))
    }
    let weights = try WeightsFile(contentsOf: url)
    if architecture == nil, weights.metadata["architecture"] == nil {
      throw ValidationError(
        "\(path) does not say which network it holds: give --architecture (\(EncoderArchitecture.allValueStrings.joined(separator: ", ")))"
      )
    }
    let file = try EncoderImport(weights, name: path, architecture: architecture)
    if !untrained { console?.note("\(path): \(file.report)") }
    if let fault = file.settings.fault(imageSize: imageSize ?? file.imageSize ?? 224) {
      throw ValidationError("\(path): \(fault): give another --image-size")
    }
    var configuration = Configuration()
    configuration.encoder.architecture = file.settings.architecture
    configuration.augmentation.imageSize = imageSize ?? file.imageSize ?? configuration.augmentation.imageSize
    configuration.augmentation.mean = file.mean ?? configuration.augmentation.mean
    configuration.augmentation.standardDeviation =
      file.standardDeviation ?? configuration.augmentation.standardDeviation
    let encoder = untrained ? file.settings.makeEncoder(generator: Generator(seed: 0)) : file.encoder
    encoder.evaluate()
    return (
      encoder, try configuration.resolved(), "\(Self.words(file.settings)), weights of \(url.lastPathComponent)"
    )
  }

  private var url: URL { URL(fileURLWithPath: path) }

  private var isFile: Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
  }

  private static func words(_ settings: EncoderSettings) -> String {
    let beginning =
      settings.architecture.traits.contains(.patches)
      ? "patches of \(settings.transformer.patchSize) pixels, \(settings.transformer.pooling.rawValue) pooling"
      : "\(settings.stem.rawValue) stem"
    return "\(settings.architecture.name), width \(settings.width), \(beginning)"
  }
}

extension EncoderArchitecture: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument) }

  public static var allValueStrings: [String] { allCases.map(\.name) }
}
