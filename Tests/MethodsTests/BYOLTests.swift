import Encoders
import Foundation
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/byol.py has lightly's loss and predictor.
@Suite struct BYOLTests {
  private struct Case: Decodable {
    let images: Int
    let dimension: Int
    let loss: Double
  }

  private static func method(baseMomentum: Double = 0.9, over group: ProcessGroup = .single()) -> BYOL {
    let generator = Generator(seed: 3)
    func network() -> EmbeddingNetwork {
      let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
      let head = ProjectionHead(
        dimensions: [encoder.featureCount, 16, 8], normalization: .hidden, generator: generator)
      return .init(encoder: encoder, projectionHead: head)
    }
    let online = network()
    return BYOL(
      online: online, target: network(),
      predictor: ProjectionHead(dimensions: [8, 16, 8], normalization: .hidden, generator: generator),
      baseMomentum: baseMomentum, over: group)
  }

  @Test("the loss and its gradients are lightly's, in both directions")
  func loss() throws {
    let tensors = try Fixture().tensors("byol")
    let cases: [String: Case] = try Fixture().json("byol")
    #expect(cases.count == 4)
    for (name, reference) in cases {
      let predictions = (0..<2).map { tensors["\(name)/prediction.\($0)"]!.to(.float64).requireGradient() }
      let views = (0..<2).map {
        ViewEmbeddings([predictions[$0]], targets: [tensors["\(name)/target.\($0)"]!.to(.float64)])
      }
      #expect(predictions[0].shape == [reference.images, reference.dimension])
      let loss = Self.method().contrast(views, globalCount: 2)
      loss.backward()
      #expect((loss.item() - reference.loss).magnitude < 1e-12, "\(name)")
      for (view, prediction) in predictions.enumerated() {
        let wanted = tensors["\(name)/gradient.\(view)"]!.to(.float64)
        let difference = try #require(prediction.gradient).largestDifference(from: wanted)
        #expect(difference <= 1e-7 * wanted.largestMagnitude, "\(name)")
      }
    }
  }

  @Test("local views predict every global view, and nobody predicts them")
  func localViews() throws {
    let embeddings = (0..<3).map { Tensor.pattern("prediction \($0)", [4, 5]).to(.float64) }
    let targets = (0..<2).map { Tensor.pattern("target \($0)", [4, 5]).to(.float64) }
    let views = [
      ViewEmbeddings([embeddings[0]], targets: [targets[0]]), ViewEmbeddings([embeddings[1]], targets: [targets[1]]),
      ViewEmbeddings([embeddings[2]]),
    ]
    func distance(_ prediction: Int, _ target: Int) -> Double {
      let difference = Functional.normalize(embeddings[prediction]) - Functional.normalize(targets[target])
      return (difference * difference).sum().item() / 4
    }
    let expected = 2 * (distance(0, 1) + distance(1, 0) + distance(2, 0) + distance(2, 1)) / 4
    #expect((Self.method().contrast(views, globalCount: 2).item() - expected).magnitude < 1e-12)
  }

  @Test("the losses of processes add up to the loss of all images")
  func processes() throws {
    let predictions = (0..<2).map { Tensor.pattern("prediction \($0)", [6, 5]).to(.float64) }
    let targets = (0..<2).map { Tensor.pattern("target \($0)", [6, 5]).to(.float64) }
    let whole = Self.method().contrast(
      (0..<2).map { ViewEmbeddings([predictions[$0]], targets: [targets[$0]]) }, globalCount: 2)
    let parts = try withRanks(3) { world in
      let own = world.rank * 2..<world.rank * 2 + 2
      let views = (0..<2).map {
        ViewEmbeddings([predictions[$0].narrow(0, own)], targets: [targets[$0].narrow(0, own)])
      }
      return Self.method(over: world.group).contrast(views, globalCount: 2).item()
    }
    #expect((parts.reduce(0, +) - whole.item()).magnitude < 1e-13)
  }

  @Test("predictor and projector compute what lightly's compute, from its weights")
  func predictor() throws {
    let tensors = try Fixture().tensors("byol")
    let head = ProjectionHead(dimensions: [6, 10, 4], normalization: .hidden, generator: Generator(seed: 0))
    let state = tensors.filter { $0.key.hasPrefix("predictor/layers") }
    try head.load(
      Dictionary(uniqueKeysWithValues: state.map { (String($0.key.dropFirst("predictor/".count)), $0.value) }))
    let output = head(tensors["predictor/input"]!)
    #expect(output.largestDifference(from: tensors["predictor/output"]!) < 1e-6)
  }

  @Test("the target begins as the online network, is frozen, and follows it")
  func target() throws {
    let method = Self.method()
    let frozen = method.namedParameters().filter(\.parameter.isFrozen).map(\.name)
    #expect(frozen.allSatisfy { $0.hasPrefix("target_") } && frozen.count > 60)
    #expect(method.trainedParameters().allSatisfy { !$0.name.hasPrefix("target_") })
    func pairs() -> [(online: Tensor, target: Tensor)] {
      let state = Dictionary(uniqueKeysWithValues: method.namedParameters().map { ($0.name, $0.parameter.value) })
      return frozen.map { (state[String($0.dropFirst("target_".count))]!.detached(), state[$0]!) }
    }
    #expect(pairs().allSatisfy { $0.online.isIdentical(to: $0.target) })

    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    #expect(method.targetEncoder.parameters().allSatisfy { $0.isFrozen && !$0.value.requiresGradient })
    withoutGradients { for (_, parameter) in method.trainedParameters() { parameter.value.add_(1) } }
    method.finishStep(at: StepPosition(step: 0, of: 10))
    // A tenth of the way, at a momentum of 0.9.
    for (online, target) in pairs() { #expect((online - target - 0.9).norm().item() < 1e-12 * Double(online.count)) }
  }

  @Test("momentum rises from its base to 1 along a cosine")
  func momentum() {
    let method = Self.method(baseMomentum: 0.99)
    let steps = [0, 25, 50, 100].map { method.momentum(at: StepPosition(step: $0, of: 100)) }
    let expected = [0.99, 1 - 0.01 * (cos(Double.pi / 4) + 1) / 2, 0.995, 1]
    #expect(zip(steps, expected).allSatisfy { ($0 - $1).magnitude < 1e-15 })
  }
}
