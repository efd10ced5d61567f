import ArgumentParser
import Augmentation
import Encoders
import Evaluation
import Foundation
import Pretraining

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the encoder's weights under the names of torchvision or timm.",
    discussion: """
      The file loads into the published network with strict=True once its classifier is taken away:
        model = torchvision.models.resnet50(); model.fc = torch.nn.Identity()
        model.load_state_dict(safetensors.torch.load_file("encoder.safetensors"), strict=True)
      Networks that torchvision does not have (seresnet50) are timm's:
        model = timm.create_model("seresnet50", num_classes=0)
      """)

  @Argument(help: .init("The folder of a run.", valueName: "RUN"))
  var runPath: String

  @Option(help: .init("The file to write.", valueName: "FILE.safetensors"))
  var output: String

  @Flag(help: "Export the encoder's first weights, untrained.")
  var randomInitialization = false

  func run() throws {
    let folder = RunFolder(URL(fileURLWithPath: runPath))
    let configuration = try folder.configuration()
    let encoder = try folder.encoder(randomlyInitialized: randomInitialization)
    guard !(encoder is LabEncoder) else {
      throw RunError(
        "\(runPath) trained two networks, one for lightness and one for color, and no published network is both: use `simclr embed` for their features"
      )
    }
    let export = EncoderExport(
      encoder, settings: configuration.encoderSettings,
      imageSize: configuration.augmentation.imageSize, mean: configuration.augmentation.mean,
      standardDeviation: configuration.augmentation.standardDeviation)
    try export.write(to: URL(fileURLWithPath: output))
    let console = Console()
    console.note("\(configuration.encoder.architecture.rawValue): \(output)")
    if let code = export.loadingCode(for: output) {
      console.note("It loads with:")
      for line in code { console.note("  \(line)") }
    } else {
      console.note(
        "No published network fits, for it has \(configuration.encoder.width) times the channels; `simclr evaluate` and `simclr embed` read it"
      )
    }
  }
}
