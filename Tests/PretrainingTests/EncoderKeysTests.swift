import Encoders
import Keys
import Pretraining
import Testing
import Torch
import TorchNN

@Suite struct EncoderKeysTests {
  private func refusal(_ overrides: String...) -> String {
    let error = #expect(throws: ConfigurationError.self) { try Configuration(yaml: "", overrides: overrides) }
    return error?.description ?? ""
  }

  private func settings(_ overrides: String...) throws -> EncoderSettings {
    let offer = MachineOffer(fastestPrecision: .fp32, workingFolder: "/")
    return try Configuration(yaml: "", overrides: overrides).resolved(for: offer).encoderSettings
  }

  @Test(
    "what an encoder does not have is refused with who has it",
    arguments: [
      ("stochastic_depth=0.1", "0", "ConvNeXts, EfficientNets and vision transformers"),
      ("dropout=0.5", "0", "EfficientNets and vision transformers"),
      ("patch_size=16", "0", "vision transformers"), ("pooling=mean", "token", "vision transformers"),
      ("positions=sincos", "learned", "vision transformers"),
      ("freeze_patch_projection=true", "false", "vision transformers"),
    ])
  func refused(key: String, standard: String, owners: String) {
    let text = refusal("encoder.architecture=resnet18", "encoder.\(key)")
    let expected = "expected \(standard) with encoder.architecture resnet18, for only \(owners) have it"
    #expect(text.contains("\(expected), got \(key.drop { $0 != "=" }.dropFirst())"), "\(text)")
  }

  @Test("a stem and scales of residuals are refused where there are none")
  func refusedOfTransformers() {
    #expect(refusal("encoder.architecture=vit_tiny", "encoder.stem=cifar").contains("expected auto with"))
    #expect(
      refusal("encoder.architecture=convnext_tiny", "encoder.zero_initialize_residuals=true").contains(
        "expected false with"))
  }

  @Test("patches must divide all views")
  func patchesDivide() {
    let vit = "encoder.architecture=vit_small"
    #expect(
      refusal(vit, "augmentation.image_size=100").contains(
        "expected a divisor of augmentation.image_size (100), got 16"))
    #expect(refusal(vit, "encoder.patch_size=14", "augmentation.image_size=32").contains("(32), got 14"))
    #expect(
      refusal(vit, "augmentation.local_views.count=2", "augmentation.local_views.image_size=100")
        .contains("expected a divisor of augmentation.local_views.image_size (100), got 16"))
    #expect(throws: Never.self) { try settings("encoder.architecture=resnet18", "augmentation.image_size=100") }
  }

  @Test(
    "small images have small patches or a stem that keeps their size, and a resolved configuration is read again as it is"
  )
  func resolves() throws {
    let small = try settings("encoder.architecture=vit_tiny", "augmentation.image_size=32")
    #expect(small.transformer.patchSize == 4 && small.transformer.imageSize == 32)
    #expect(try settings("encoder.architecture=vit_tiny").transformer.patchSize == 16)
    #expect(try settings("encoder.architecture=convnext_tiny", "augmentation.image_size=32").stem == .cifar)
    let offer = MachineOffer(fastestPrecision: .fp32, workingFolder: "/")
    for architecture in ["vit_tiny", "efficientnet_b0", "resnet18"] {
      let overrides = ["encoder.architecture=\(architecture)", "augmentation.image_size=32"]
      let resolved = try Configuration(yaml: "", overrides: overrides).resolved(for: offer)
      let again = try Configuration(yaml: resolved.yaml()).resolved(for: offer)
      #expect(again == resolved)
    }
  }

  @Test("what is set reaches the network")
  func reaches() throws {
    let settings = try settings(
      "encoder.architecture=vit_tiny", "encoder.patch_size=8", "augmentation.image_size=32", "encoder.pooling=mean",
      "encoder.positions=sincos", "encoder.freeze_patch_projection=true", "encoder.stochastic_depth=0.1",
      "encoder.dropout=0.2")
    let encoder = settings.makeEncoder(generator: Generator(seed: 0, device: .meta))
    #expect(encoder.namedParameters().contains { $0.name == "fc_norm.weight" })
    #expect(encoder.namedParameters().first { $0.name == "patch_embed.proj.weight" }!.parameter.value.shape[3] == 8)
    #expect(encoder.namedParameters().filter(\.parameter.isFrozen).count == 3)
    #expect(Set(encoder.drawingLayers().map(\.rate)).count == 13)
  }
}
