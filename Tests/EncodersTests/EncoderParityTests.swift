import Encoders
import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/encoders.py runs timm's vision transformers and torchvision's ConvNeXts, EfficientNets, ResNeXts and wide ResNets, narrow
/// ones, in float64 on the same weights and images.
@Suite(.serialized) struct EncoderParityTests {
  /// How the networks of the fixture are made here.
  private static let networks: [String: (settings: EncoderSettings, images: [Int])] = [
    "vit_tiny-token": (transformer(.vitTiny), [2, 3, 32, 32]),
    "vit_small-mean": (transformer(.vitSmall, pooling: .mean), [2, 3, 32, 32]),
    "vit_tiny-resized": (transformer(.vitTiny), [2, 3, 48, 48]),
    "convnext_tiny-imagenet": (EncoderSettings(.convNeXtTiny, width: 0.125), [2, 3, 64, 64]),
    "convnext_small-cifar": (EncoderSettings(.convNeXtSmall, width: 0.125, stem: .cifar), [2, 3, 16, 16]),
    "efficientnet_b0-imagenet": (efficientNet("b0", width: 0.25), [4, 3, 64, 64]),
    "efficientnet_b1-cifar": (efficientNet("b1", width: 0.25, stem: .cifar), [4, 3, 32, 32]),
    "resnext50_32x4d-cifar": (EncoderSettings(.resnext50, width: 0.25, stem: .cifar), [2, 3, 32, 32]),
    "resnext101_64x4d-cifar": (EncoderSettings(.resnext101Of64Groups, width: 0.25, stem: .cifar), [2, 3, 32, 32]),
    "wide_resnet50_2-cifar": (EncoderSettings(.wideResnet50, width: 0.25, stem: .cifar), [2, 3, 32, 32]),
    "efficientnet_b5-imagenet": (efficientNet("b5", width: 0.125), [4, 3, 64, 64]),
  ]

  private static func transformer(
    _ architecture: EncoderArchitecture, pooling: VisionTransformer.Pooling = .token
  ) -> EncoderSettings {
    var settings = EncoderSettings(architecture, width: 0.125)
    (settings.transformer.patchSize, settings.transformer.imageSize) = (8, 32)
    settings.transformer.pooling = pooling
    return settings
  }

  private static func efficientNet(_ name: String, width: Double, stem: ResNet.Stem = .imagenet) -> EncoderSettings {
    EncoderSettings(EncoderArchitecture(rawValue: "efficientnet_\(name)")!, width: width, stem: stem)
  }

  private let results: [String: Tensor]

  init() throws { results = try Fixture().tensors("encoders") }

  /// The network with the values that encoders.py describes.
  private func filled(_ key: String) -> any ImageEncoder {
    let network = Self.networks[key]!.settings.makeEncoder(generator: Generator(seed: 0))
    for (name, tensor) in network.stateDictionary() where tensor.dtype == .float32 {
      let (scale, offset): (Double, Float) =
        switch name {
        case _ where name.hasSuffix("running_var"): (0.2, 1)
        case _ where name.hasSuffix("running_mean"): (0.1, 0)
        case _ where name.hasSuffix("layer_scale"): (0.1, 0.3)
        case "pos_embed", "cls_token": (0.5, 0)
        case _ where name.hasSuffix("bias"): (0.2, 0)
        case _ where name.hasSuffix("bn3.weight"): (0.05, 0.25)
        case _ where tensor.rank > 1: ((3 / Double(tensor.shape.dropFirst().reduce(1, *))).squareRoot(), 0)
        default: (0.2, 1)
        }
      tensor.copy_(.pattern("\(key).\(name)", tensor.shape, scale: Float(scale), offset: offset))
    }
    return network
  }

  private func images(_ key: String) -> Tensor { .pattern("\(key).input", Self.networks[key]!.images) }

  @Test(
    "features, every parameter's gradient and running statistics equal timm's and torchvision's",
    arguments: networks.keys.sorted(), [false, true])
  func parity(key: String, recomputes: Bool) throws {
    let network = filled(key)
    network.recomputesBlocks = recomputes
    network.move(to: .cpu, dtype: .float64, channelsLast: true)
    let images = images(key).to(.float64).channelsLast()
    network.evaluate()
    expectClose(withoutGradients { network(images) }, results["\(key)/evaluation"]!, "features in evaluation")
    network.train()
    let training = network(images)
    expectClose(training, results["\(key)/training"]!, "features in training")
    (training * .pattern("\(key).cotangent", training.shape).to(.float64)).sum().backward()
    try compare(
      network.namedParameters().map { ($0.name, try #require($0.parameter.gradient)) }, results["\(key)/gradients"]!)
    let statistics = network.stateDictionary().filter { $0.name.contains("running_") }
    if let expected = results["\(key)/statistics"] {
      try compare(statistics, expected)
    } else {
      #expect(statistics.isEmpty)
    }
  }

  /// Compares norms, and elements in units of the root mean square of their tensor. A shift before a normalization has a gradient
  /// of 0 but for rounding.
  private func compare(_ found: [(name: String, tensor: Tensor)], _ expected: Tensor) throws {
    try #require(expected.shape == [found.count, 5])
    let rows = expected.array(of: Double.self)
    for (row, (name, tensor)) in found.enumerated() {
      let (values, norm) = (tensor.array(of: Double.self), rows[row * 5])
      #expect((tensor.exactNorm - norm).magnitude <= 3e-7 * max(norm, 1e-6), "norm of \(name)")
      let unit = max(norm, 1e-6) / Double(values.count).squareRoot()
      for sample in 0..<4 {
        let deviation = (values[sample * values.count / 4] - rows[row * 5 + 1 + sample]).magnitude / unit
        #expect(deviation < 5e-6, "\(name), sample \(sample)")
      }
    }
  }

  private func expectClose(_ actual: Tensor, _ expected: Tensor, _ what: Comment) {
    #expect(actual.largestDifference(from: expected) <= 3e-7 * expected.largestMagnitude, what)
  }

  @Test(
    "in bfloat16 features and gradients are finite, and features near those of float32",
    arguments: networks.keys.sorted())
  func bfloat16(key: String) throws {
    let network = filled(key)
    network.move(to: .cpu, channelsLast: true)
    network.evaluate()
    let exact = results["\(key)/evaluation"]!
    let features = withAutocast(.cpu, .bfloat16) { network(images(key).channelsLast()) }.to(.float32)
    #expect((features - exact).norm().item() < 0.06 * exact.norm().item())
    features.sum().backward()
    for (name, parameter) in network.namedParameters() {
      #expect(try #require(parameter.gradient, "\(name)").isFinite().all(), "\(name)")
    }
  }

  @Test("the last blocks are left out most often, at the rates of timm and torchvision")
  func rates() throws {
    for (name, expected) in try Fixture().jsonWithItsKeys("encoders", as: [String: [Double]].self) {
      var settings = EncoderSettings(try #require(EncoderArchitecture(rawValue: name)))
      settings.stochasticDepth = 0.2
      let encoder = settings.makeEncoder(generator: Generator(seed: 0, device: .meta))
      let layers = encoder.blocks.map { $0.drawingLayers().compactMap { $0 as? StochasticDepth } }
      #expect(layers.count == expected.count)
      for (layers, rate) in zip(layers, expected) {
        #expect(!layers.isEmpty && layers.allSatisfy { ($0.rate - rate).magnitude < 1e-7 }, "\(name)")
      }
      let numbers = encoder.drawingLayers().map(\.number)
      #expect(Set(numbers).count == numbers.count, "\(name): every layer draws numbers of its own")
    }
  }

  @Test("parts of images are told where they lie as in MoCo v3 and, at other sizes, in timm")
  func positions() throws {
    var settings = EncoderSettings(.vitTiny, width: 0.25)
    settings.transformer.positions = .sincos
    settings.transformer.freezesPatchProjection = true
    (settings.transformer.patchSize, settings.transformer.imageSize) = (8, 32)
    let encoder = settings.makeEncoder(generator: Generator(seed: 0))
    let state = Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ($0.name, $0.tensor) })
    #expect(state["pos_embed"]!.largestDifference(from: results["sincos"]!) < 1e-6)
    let frozen = encoder.namedParameters().filter(\.parameter.isFrozen).map(\.name)
    #expect(frozen == ["pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"])
    encoder(.pattern("images", [2, 3, 32, 32])).sum().backward()
    #expect(encoder.namedParameters().filter { $0.parameter.gradient == nil }.map(\.name) == frozen)
  }

  @Test("only weights are decayed: no bias, normalization, position, token or scale of a layer")
  func roles() {
    for architecture in [EncoderArchitecture.vitTiny, .convNeXtTiny, .efficientNets[0]] {
      let encoder = EncoderSettings(architecture).makeEncoder(generator: Generator(seed: 0, device: .meta))
      for target in encoder.optimizedParameters(decayBiasAndNorm: false) {
        let isMatrix = target.parameter.value.rank > 1 && target.name.hasSuffix("weight")
        #expect(target.isDecayedAndAdapted == isMatrix, "\(target.name)")
      }
    }
  }
}
