import Encoders
import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/architectures.py makes the whole networks of torchvision and timm without values; so does this.
@Suite struct ArchitectureTests {
  private struct Published: Decodable {
    /// The hash of all names and shapes.
    let state: String
    let parameters: Int
    let features: Int
  }

  private let published: [String: Published]

  init() throws { published = try Fixture().jsonWithItsKeys("architectures") }

  @Test(
    "every network has the parameters and buffers of the published one: names, shapes and order",
    arguments: EncoderArchitecture.allCases)
  func isPublished(architecture: EncoderArchitecture) throws {
    let expected = try #require(published[architecture.name], "no fixture of \(architecture.name)")
    let encoder = EncoderSettings(architecture).makeEncoder(generator: Generator(seed: 0, device: .meta))
    let state = encoder.stateDictionary().map { "\($0.name) \($0.tensor.shape)\n" }.joined()
    #expect(String(fnv1a64(state), radix: 16) == expected.state.drop { $0 == "0" }, "\(state.prefix(2000))")
    #expect(encoder.parameters().reduce(0) { $0 + $1.value.count } == expected.parameters)
    #expect(encoder.featureCount == expected.features)
    #expect(EncoderSettings(architecture).featureCount == expected.features)
  }
}

/// What the field says of networks' costs, at 224 pixels.
@Suite struct EncoderCostTests {
  // Published by torchvision (GFLOPS, which are these multiplications) beside its weights, and for ViT by the authors of DeiT.
  @Test(
    "multiplications are those that are published",
    arguments: [
      ("resnet18", 1.81), ("resnet50", 4.09), ("resnext50_32x4d", 4.23), ("wide_resnet50_2", 11.40),
      ("convnext_tiny", 4.46), ("efficientnet_b0", 0.39), ("vit_tiny", 1.26), ("vit_small", 4.61), ("vit_base", 17.58),
    ])
  func published(name: String, gigaMACs: Double) throws {
    let settings = EncoderSettings(try #require(EncoderArchitecture(rawValue: name)))
    let cost = EncoderCost(of: settings, imageSize: 224)
    #expect((Double(cost.multiplications) / 1e9 / gigaMACs - 1).magnitude < 0.03, "\(cost.multiplications)")
  }
}
