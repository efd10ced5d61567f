import Encoders
import Evaluation
import Foundation
import Pretraining
import Testing
import Torch
import TorchNN

@Suite("Exports")
struct ExportTests {
  @Test("an exported encoder has torchvision's names, contiguous float32 weights, and says how to use it")
  func encoder() throws {
    let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 3))
    encoder.move(to: .cpu, channelsLast: true)
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("encoder.safetensors")
      try EncoderExport(
        encoder, settings: EncoderSettings(.resnet18, width: 0.125, stem: .cifar), imageSize: 32,
        mean: [0.485, 0.456, 0.406],
        standardDeviation: [0.25, 0.25, 0.25]
      ).write(to: url)
      let file = try SafeTensors(contentsOf: url)
      #expect(
        file.metadata == [
          "format": "pt", "architecture": "resnet18", "width": "0.125", "stem": "cifar", "image_size": "32",
          "mean": "[0.485,0.456,0.406]", "std": "[0.25,0.25,0.25]", "feature_dimension": "64",
        ])
      let state = encoder.stateDictionary()
      #expect(file.tensors.map(\.name).sorted() == state.map(\.name).sorted())
      #expect(file.tensors.contains { $0.name == "layer4.1.bn2.running_var" })
      #expect(!file.tensors.contains { $0.name.hasPrefix("fc.") })
      let read = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.tensor) })
      for (name, tensor) in state {
        #expect(read[name]!.dtype == (name.hasSuffix("num_batches_tracked") ? .int64 : .float32), "\(name)")
        #expect(read[name]!.array(of: Float.self) == tensor.array(of: Float.self), "\(name)")
      }
    }
  }

  @Test("an exported encoder computes the same features when it is read again")
  func encoderRoundTrip() throws {
    let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 3))
    let other = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 4))
    let images = Tensor.randn([2, 3, 16, 16], generator: Generator(seed: 5))
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("encoder.safetensors")
      try EncoderExport(
        encoder, settings: EncoderSettings(.resnet18, width: 0.125, stem: .cifar), imageSize: 16, mean: [0, 0, 0],
        standardDeviation: [1, 1, 1]
      ).write(to: url)
      try other.load(SafeTensors.load(url))
    }
    #expect(FeatureExtractor(encoder)(images).isIdentical(to: FeatureExtractor(other)(images)))
  }

  @Test(
    "the lines that load an export build the published network with its stem, or there is none of its width"
  )
  func loadingCode() {
    func code(_ settings: EncoderSettings) -> [String]? {
      let encoder = ResNet(.resnet18, width: 0.125, generator: Generator(seed: 3))
      return EncoderExport(
        encoder, settings: settings, imageSize: 32, mean: [0, 0, 0], standardDeviation: [1, 1, 1]
      ).loadingCode(for: "a.safetensors")
    }
    let load = "model.load_state_dict(safetensors.torch.load_file(\"a.safetensors\"), strict=True)"
    #expect(
      code(EncoderSettings(.resnet50)) == [
        "model = torchvision.models.resnet50()", "model.fc = torch.nn.Identity()", load,
      ])
    #expect(
      code(EncoderSettings(.seresnet50, stem: .cifar)) == [
        "model = timm.create_model(\"seresnet50\", num_classes=0)",
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)",
        "model.maxpool = torch.nn.Identity()", load,
      ])
    #expect(code(EncoderSettings(.resnet18, width: 0.25)) == nil)
  }

  @Test("exported features come with labels, indices, class names and the encoder's description")
  func embedding() throws {
    let features = Features(
      values: Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]), labels: [1, Features.unlabeled, 0],
      sampleIndices: [0, 1, 3], classNames: ["a/b", "zwölf \"x\""])
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("features.safetensors")
      try EmbeddingExport(features, encoder: "resnet18").write(to: url)
      let file = try SafeTensors(contentsOf: url)
      let read = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.tensor) })
      #expect(read["features"]!.isIdentical(to: features.values))
      #expect(read["labels"]!.isIdentical(to: Tensor([1, -1, 0] as [Int64])))
      #expect(read["indices"]!.isIdentical(to: Tensor([0, 1, 3] as [Int64])))
      #expect(file.metadata["format"] == "pt")
      #expect(file.metadata["encoder"] == "resnet18")
      let names = try JSONDecoder().decode([String].self, from: Data(file.metadata["class_names"]!.utf8))
      #expect(names == features.classNames)
    }
  }
}
