import Encoders
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

@Suite struct RecomputationTests {
  /// A step on 8 images, with what it left behind and what it took.
  private struct Step {
    let loss: Double
    let model: SimCLR
    let peakBytes: Int
  }

  private func step(recomputing: Bool, dtype: DType, parts: Int = 1, imageSize: Int = 16) throws -> Step {
    let generator = Generator(seed: 4)
    let encoder = ResNet(.resnet18, width: 0.25, stem: .cifar, generator: generator)
    encoder.recomputesBlocks = recomputing
    let head = ProjectionHead(dimensions: [encoder.featureCount, 16, 8], normalization: .all, generator: generator)
    let model = SimCLR(encoder: encoder, projectionHead: head, loss: NTXentLoss(temperature: 0.3))
    model.move(to: .cpu, dtype: dtype == .float64 ? .float64 : nil, channelsLast: true)
    let step = GradientStep(
      model, reduction: NoReduction(), device: .cpu, dtype: dtype,
      accumulationSteps: parts)
    let images = (0..<2).map { Tensor.pattern("view \($0)", [8, 3, imageSize, imageSize]).channelsLast() }
    let (loss, bytes) = try MemoryWatch.peakBytes(on: .cpu) {
      try step(images.map { dtype == .float64 ? $0.to(.float64) : $0 }, scaledBy: LossScaler(dtype: dtype)).item()
    }
    return Step(loss: loss, model: model, peakBytes: bytes)
  }

  @Test(
    "what is computed again has the bits of what was kept: loss, gradients, running statistics",
    arguments: [(DType.float32, 1), (.float32, 2), (.float64, 1), (.float64, 2), (.bfloat16, 2)])
  func sameBits(dtype: DType, parts: Int) throws {
    let kept = try step(recomputing: false, dtype: dtype, parts: parts)
    let again = try step(recomputing: true, dtype: dtype, parts: parts)
    #expect(again.loss == kept.loss)
    for (a, b) in zip(again.model.namedParameters(), kept.model.namedParameters()) {
      let (gradient, expected) = (try #require(a.parameter.gradient), try #require(b.parameter.gradient))
      #expect(gradient.largestDifference(from: expected) == 0, "\(a.name)")
    }
    for (a, b) in zip(again.model.stateDictionary(), kept.model.stateDictionary()) {
      #expect(a.tensor.to(.float64).largestDifference(from: b.tensor.to(.float64)) == 0, "\(a.name)")
    }
  }

  @Test("in bfloat16 gradients of an uncut batch differ by no more than its rounding")
  func bfloat16() throws {
    // Views that are kept share one bfloat16 copy of each weight, and their gradients are added in that type; those that
    // are computed again have copies of their own, and float32 sums.
    let kept = try step(recomputing: false, dtype: .bfloat16)
    let again = try step(recomputing: true, dtype: .bfloat16)
    #expect(again.loss == kept.loss)
    for (a, b) in zip(again.model.namedParameters(), kept.model.namedParameters()) {
      let (gradient, expected) = (try #require(a.parameter.gradient), try #require(b.parameter.gradient))
      #expect(gradient.largestDifference(from: expected) <= expected.largestMagnitude / 128, "\(a.name)")
    }
  }

  @Test("activations within blocks are not kept")
  func memory() throws {
    let kept = try step(recomputing: false, dtype: .float32, imageSize: 64)
    let again = try step(recomputing: true, dtype: .float32, imageSize: 64)
    // Of the tensors of a block only its output stays: of two convolutions, two normalizations and their ReLUs.
    #expect(again.peakBytes * 2 < kept.peakBytes, "\(again.peakBytes) bytes, \(kept.peakBytes) without recomputing")
  }

  @Test("without gradients nothing is recorded, and an input without gradient still trains the parameters")
  func edges() {
    let layer = Linear(3, 2, generator: Generator(seed: 1))
    let input = Tensor.pattern("input", [4, 3])
    #expect(!withoutGradients { layer.recomputedInBackward(input) }.requiresGradient)
    layer.recomputedInBackward(input).sum().backward()
    let expected = Linear(3, 2, generator: Generator(seed: 1))
    expected(input).sum().backward()
    #expect(layer.weight.gradient!.largestDifference(from: expected.weight.gradient!) == 0)
    #expect(input.gradient == nil)
  }
}
