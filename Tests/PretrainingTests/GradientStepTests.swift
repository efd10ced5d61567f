import Encoders
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

@Suite struct GradientStepTests {
  /// The loss and all gradients of one step on 12 images, cut into parts.
  private func step(parts: Int, frozen: Bool, views: Int = 2) throws -> (loss: Double, model: SimCLR) {
    let generator = Generator(seed: 4)
    let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
    let head = ProjectionHead(dimensions: [encoder.featureCount, 16, 8], normalization: .all, generator: generator)
    let model = SimCLR(encoder: encoder, projectionHead: head, loss: NTXentLoss(temperature: 0.3))
    model.move(to: .cpu, dtype: .float64, channelsLast: true)
    model.train(!frozen)
    let step = GradientStep(
      model, reduction: NoReduction(), device: .cpu, dtype: .float64,
      accumulationSteps: parts)
    let images = (0..<views).map { Tensor.pattern("view \($0)", [12, 3, 16, 16]).to(.float64).channelsLast() }
    let loss = try step(images, scaledBy: LossScaler(dtype: .float64)).item()
    return (loss, model)
  }

  @Test(
    "with BatchNorm frozen, parts have the loss and the gradients of the uncut batch", arguments: [2, 3, 4, 12], [2, 3])
  func frozen(parts: Int, views: Int) throws {
    let whole = try step(parts: 1, frozen: true, views: views)
    let cut = try step(parts: parts, frozen: true, views: views)
    #expect((whole.loss - cut.loss).magnitude < 1e-12)
    for (a, b) in zip(cut.model.namedParameters(), whole.model.namedParameters()) {
      let scale = b.parameter.gradient!.largestMagnitude
      #expect(a.parameter.gradient!.largestDifference(from: b.parameter.gradient!) <= 1e-11 * scale, "\(a.name)")
    }
  }

  @Test("running statistics move once for each part and view, though every part is embedded twice")
  func runningStatistics() throws {
    let cut = try step(parts: 3, frozen: false)
    #expect(cut.model.encoder.batchNorms().allSatisfy { $0.numBatchesTracked.value.item() == 6 })
    let whole = try step(parts: 1, frozen: false)
    #expect(whole.model.encoder.batchNorms().allSatisfy { $0.numBatchesTracked.value.item() == 2 })
  }

  @Test("a batch in parts keeps its negatives: the loss is not that of a part alone")
  func negatives() throws {
    // With twelve images among which to find the other view the loss is about log 23, with four about log 7.
    #expect(try step(parts: 3, frozen: true).loss > 2.5)
  }
}
