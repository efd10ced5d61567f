import Encoders
import TestSupport
import Testing
import Torch
import TorchNN

/// Files of weights under published names, made of an encoder of ours with other first weights.
@Suite struct PublishedWeightsTests {
  private let settings = EncoderSettings(.resnet18, width: 0.0625)

  private func encoder(seed: UInt64, _ settings: EncoderSettings? = nil) -> any ImageEncoder {
    (settings ?? self.settings).makeEncoder(generator: Generator(seed: seed))
  }

  /// What torchvision would publish: the encoder's tensors and a classifier.
  private func published(_ encoder: any ImageEncoder) -> [String: Tensor] {
    var tensors = Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ($0.name, $0.tensor.clone()) })
    tensors["fc.weight"] = Tensor.ones([10, encoder.featureCount])
    tensors["fc.bias"] = Tensor.ones([10])
    return tensors
  }

  private func expectSame(_ one: any ImageEncoder, _ other: any ImageEncoder) {
    let (ours, theirs) = (one.stateDictionary(), other.stateDictionary())
    #expect(ours.count == theirs.count && ours.count > 100)
    for (a, b) in zip(ours, theirs) { #expect(a.name == b.name && a.tensor.isIdentical(to: b.tensor), "\(a.name)") }
  }

  private func refusal(_ tensors: [String: Tensor], _ settings: EncoderSettings? = nil) -> String {
    let target = encoder(seed: 2, settings)
    let error = #expect(throws: TorchError.self) {
      try PublishedWeights(tensors).load(into: target, architecture: "resnet18")
    }
    expectSame(target, encoder(seed: 2, settings))
    return error?.description ?? ""
  }

  @Test("every tensor is taken over and the classifier left out, and that is said")
  func whole() throws {
    let (source, target) = (encoder(seed: 1), encoder(seed: 2))
    let report = try PublishedWeights(published(source)).load(into: target, architecture: "resnet18")
    expectSame(target, source)
    #expect(report.description == "120 tensors loaded; left out: fc.bias, fc.weight")
  }

  @Test("names behind DataParallel's prefix, half precision and missing counters are adapted, and that is said")
  func adapted() throws {
    let (source, target) = (encoder(seed: 1), encoder(seed: 2))
    for (_, tensor) in source.stateDictionary() where tensor.dtype == .float32 {
      _ = withoutGradients { tensor.copy_(tensor.to(.float16)) }
    }
    let tensors = published(source).filter { !$0.key.hasSuffix("num_batches_tracked") }.map { name, tensor in
      ("module.\(name)", tensor.dtype == .float32 ? tensor.to(.float16) : tensor)
    }
    let report = try PublishedWeights(Dictionary(uniqueKeysWithValues: tensors))
      .load(into: target, architecture: "resnet18")
    expectSame(target, source)
    #expect(
      report.description
        == "100 tensors loaded; left out: fc.bias, fc.weight; adapted: names without 'module.', 20 counters of batches (num_batches_tracked) are missing and stay 0, float16 to float32"
    )
  }

  @Test("of a checkpoint of this program, the encoder is taken and the method left out")
  func checkpoint() throws {
    let (source, target) = (encoder(seed: 1), encoder(seed: 2))
    var tensors = Dictionary(uniqueKeysWithValues: source.stateDictionary().map { ("encoder.\($0.name)", $0.tensor) })
    tensors["projection_head.0.weight"] = Tensor.ones([3])
    let report = try PublishedWeights(tensors).load(into: target, architecture: "resnet18")
    expectSame(target, source)
    #expect(report.leftOut == ["projection_head.0.weight"])
    #expect(report.adapted == ["names without 'encoder.'"])
  }

  @Test("another number of channels, stem or width is refused with the reason")
  func firstConvolution() {
    var tensors = published(encoder(seed: 1))
    tensors["conv1.weight"] = Tensor.zeros([4, 1, 7, 7])
    #expect(refusal(tensors) == "they take images of 1 channels, and images here have 3 (red, green and blue)")
    #expect(
      refusal(published(encoder(seed: 1)), EncoderSettings(.resnet18, width: 0.0625, stem: .cifar))
        == "they begin with a convolution of 7 × 7, and the encoder with one of 3 × 3: its stem is another (imagenet: 7 × 7, cifar: 3 × 3)"
    )
    #expect(
      refusal(published(encoder(seed: 1, EncoderSettings(.resnet18, width: 0.125))))
        == "they begin with 8 channels, and the encoder with 4: its width is another")
  }

  @Test("weights of another architecture, of another shape, damaged or of other names are refused")
  func others() {
    #expect(
      refusal(published(encoder(seed: 1, EncoderSettings(.resnet34, width: 0.0625)))).hasPrefix("they have layer1.2."))
    var tensors = published(encoder(seed: 1))
    tensors["bn1.weight"] = nil
    #expect(refusal(tensors) == "they lack bn1.weight of resnet18: are they of another architecture?")
    tensors["bn1.weight"] = Tensor.ones([5])
    #expect(refusal(tensors) == "bn1.weight has the shape [5], where the encoder has [4]")
    tensors["bn1.weight"] = Tensor([1, 1, 1, .nan] as [Float])
    #expect(refusal(tensors) == "bn1.weight has values that are not finite")
    tensors["bn1.weight"] = Tensor([1, 1, 1, 1] as [Int64])
    #expect(refusal(tensors) == "bn1.weight is int64, where the encoder has float32")
    #expect(refusal([:]).hasPrefix("they lack "))
  }
}

/// Files of vision transformers, of which sizes may differ.
@Suite struct TransformerWeightsTests {
  private func settings(
    patch: Int = 8, image: Int = 32, pooling: VisionTransformer.Pooling = .token
  ) -> EncoderSettings {
    var settings = EncoderSettings(.vitTiny, width: 0.125)
    (settings.transformer.patchSize, settings.transformer.imageSize) = (patch, image)
    settings.transformer.pooling = pooling
    return settings
  }

  private func published(_ settings: EncoderSettings) -> [String: Tensor] {
    let encoder = settings.makeEncoder(generator: Generator(seed: 1))
    var tensors = Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ($0.name, $0.tensor.clone()) })
    tensors["head.weight"] = Tensor.ones([10, encoder.featureCount])
    return tensors
  }

  @Test("positions for images of another size are interpolated, and that is said")
  func positions() throws {
    let target = settings(image: 24).makeEncoder(generator: Generator(seed: 2))
    var tensors = published(settings())
    tensors["pos_embed"] = .pattern("resized", [1, 17, 24])
    let report = try PublishedWeights(tensors).load(into: target, architecture: "vit_tiny")
    #expect(
      report.description
        == "150 tensors loaded; left out: head.weight; adapted: positions of 4 × 4 patches interpolated to 3 × 3")
    let expected = try #require(try Fixture().tensors("encoders")["resized"])
    let found = target.stateDictionary().first { $0.name == "pos_embed" }!.tensor
    #expect(found.largestDifference(from: expected) < 1e-6)
  }

  @Test("where tokens are averaged the last normalization goes after the mean, and that is said")
  func pooling() throws {
    let target = settings(pooling: .mean).makeEncoder(generator: Generator(seed: 2))
    let report = try PublishedWeights(published(settings())).load(into: target, architecture: "vit_tiny")
    #expect(report.adapted == ["norm.weight as fc_norm.weight", "norm.bias as fc_norm.bias"])
  }

  @Test("a file says how large patches and images are, and what becomes of tokens")
  func adopted() {
    var adopted = EncoderSettings(.vitTiny, width: 0.125)
    let made = settings(patch: 14, image: 56, pooling: .mean)
    adopted.adopt(published(made))
    #expect(adopted == made)
  }
}
