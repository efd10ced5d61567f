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

  /// Three outputs a view, the last of which the loss does not use, and a target.
  private final class SeveralOutputs: Module, PretrainingMethod {
    let encoder: any ImageEncoder
    let first: Linear
    let second: Linear

    override init() {
      let generator = Generator(seed: 4)
      encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
      first = Linear(encoder.featureCount, 8, generator: generator)
      second = Linear(encoder.featureCount, 4, generator: generator)
    }

    func embed(_ images: Tensor, view: Int) -> [Tensor] {
      let features = encoder(images)
      return [first(features), second(features), features]
    }

    func hasTargets(view: Int) -> Bool { true }

    func targets(_ images: Tensor, view: Int) -> [Tensor] { [images.mean(2, 3)] }

    func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
      let pull = NTXentLoss(temperature: 0.3)(views.map { $0.embeddings[0] }, globalCount: globalCount)
      let colors = views.map { ($0.embeddings[1].narrow(1, 0..<3) - $0.targets[0]).pow(2).sum() }
      return pull + colors[0] + colors[1]
    }
  }

  @Test("parts of a batch have its gradients for methods with several outputs and targets, too", arguments: [2, 3])
  func severalOutputs(parts: Int) throws {
    func gradients(parts: Int) throws -> (loss: Double, gradients: [(name: String, gradient: Tensor)]) {
      let method = SeveralOutputs()
      method.move(to: .cpu, dtype: .float64, channelsLast: true)
      method.train(false)
      let step = GradientStep(
        method, reduction: NoReduction(), device: .cpu, dtype: .float64, accumulationSteps: parts)
      let images = (0..<2).map { Tensor.pattern("view \($0)", [12, 3, 16, 16]).to(.float64).channelsLast() }
      let loss = try step(images, scaledBy: LossScaler(dtype: .float64)).item()
      return (loss, try method.trainedParameters().map { ($0.name, try #require($0.parameter.gradient)) })
    }
    let (whole, cut) = (try gradients(parts: 1), try gradients(parts: parts))
    #expect((whole.loss - cut.loss).magnitude < 1e-11 * whole.loss)
    for (a, b) in zip(cut.gradients, whole.gradients) {
      #expect(a.gradient.largestDifference(from: b.gradient) <= 1e-11 * b.gradient.largestMagnitude, "\(a.name)")
    }
  }
}
