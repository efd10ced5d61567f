import Encoders
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Steps of SimCLR on 8 images of 16 pixels in float64 with small encoders, most of which draw random numbers.
@Suite(.serialized) struct EncoderTrainingTests {
  private static let encoders: [String: EncoderSettings] = [
    "vit_tiny": drawing(.vitTiny, width: 0.125), "convnext_tiny": drawing(.convNeXtTiny, width: 0.0625),
    "efficientnet_b0": drawing(EncoderArchitecture(rawValue: "efficientnet_b0")!, width: 0.125),
    "resnext50_32x4d": EncoderSettings(.resnext50, width: 0.0625, stem: .cifar),
    "wide_resnet50_2": EncoderSettings(.wideResnet50, width: 0.0625, stem: .cifar),
  ]

  private static func drawing(_ architecture: EncoderArchitecture, width: Double) -> EncoderSettings {
    var settings = EncoderSettings(architecture, width: width, stem: .cifar)
    settings.stochasticDepth = 0.5
    if architecture.traits.contains(.dropout) { settings.dropout = 0.2 }
    (settings.transformer.patchSize, settings.transformer.imageSize) = (4, 16)
    return settings
  }

  /// What one process found.
  private struct Step: Sendable {
    let loss: Double
    let gradients: [(name: String, values: [Double])]
  }

  private static func step(
    _ settings: EncoderSettings, in world: World = .alone(), parts: Int = 1, recomputes: Bool = false, epoch: Int = 0
  ) throws -> Step {
    let generator = Generator(seed: 4)
    let encoder = settings.makeEncoder(generator: generator)
    encoder.recomputesBlocks = recomputes
    // Layer scales of 1e-6 would hide what blocks compute.
    for (name, tensor) in encoder.stateDictionary() where name.hasSuffix("layer_scale") { tensor.fill_(0.5) }
    let head = ProjectionHead(dimensions: [encoder.featureCount, 16, 8], normalization: .none, generator: generator)
    let model = SimCLR(
      encoder: encoder, projectionHead: head, loss: NTXentLoss(temperature: 0.3, over: world.group))
    model.move(to: .cpu, dtype: .float64, channelsLast: true)
    if world.size > 1 { model.synchronizeBatchNorm(over: world.statistics) }
    let step = GradientStep(
      model, reduction: NoReduction(), device: .cpu, dtype: .float64, accumulationSteps: parts)
    let count = 8 / world.size
    let own = world.rank * count..<(world.rank + 1) * count
    let views = (0..<2).map { Tensor.pattern("view \($0)", [8, 3, 16, 16]).to(.float64).narrow(0, own).channelsLast() }
    let keys = ImageKeys(seed: 1, epoch: epoch, samples: Array(own))
    let loss = try step(views, of: keys, scaledBy: LossScaler(dtype: .float64)).to(.float64)
    try world.group.allReduce(loss)
    let gradients = try model.namedParameters().map { name, parameter in
      let gradient = try #require(parameter.gradient, "\(name)").clone()
      try world.group.allReduce(gradient)
      return (name, gradient.array(of: Double.self))
    }
    return Step(loss: loss.item(), gradients: gradients)
  }

  private func expectSame(_ ours: Step, _ theirs: Step, _ what: String) {
    #expect((ours.loss - theirs.loss).magnitude < 1e-10, "\(what)")
    let least = 1e-6 * theirs.gradients.flatMap { $0.values.map(\.magnitude) }.max()!
    for (a, b) in zip(ours.gradients, theirs.gradients) {
      let scale = max(least, b.values.map(\.magnitude).max()!)
      let worst = zip(a.values, b.values).map { ($0 - $1).magnitude }.max()!
      #expect(worst <= 1e-8 * scale, "\(what): \(a.name) differs by \(worst / scale)")
    }
  }

  @Test(
    "two processes find the loss and the gradients of one, random numbers included", arguments: encoders.keys.sorted())
  func worldSizes(name: String) throws {
    let settings = Self.encoders[name]!
    let alone = try Self.step(settings)
    for ours in try withRanks(2, { try Self.step(settings, in: $0) }) { expectSame(ours, alone, name) }
  }

  @Test("blocks that are computed again have the same gradients", arguments: encoders.keys.sorted())
  func recomputation(name: String) throws {
    let settings = Self.encoders[name]!
    expectSame(try Self.step(settings, recomputes: true), try Self.step(settings), name)
  }

  @Test(
    "a batch in parts has the gradients of the uncut one where no BatchNorm can tell",
    arguments: ["vit_tiny", "convnext_tiny"])
  func parts(name: String) throws {
    let settings = Self.encoders[name]!
    expectSame(try Self.step(settings, parts: 2), try Self.step(settings), name)
  }

  @Test("another epoch leaves out other branches", arguments: ["vit_tiny", "convnext_tiny", "efficientnet_b0"])
  func epochs(name: String) throws {
    let settings = Self.encoders[name]!
    #expect(try Self.step(settings, epoch: 1).loss != Self.step(settings, epoch: 0).loss)
  }
}
