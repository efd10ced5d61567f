import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/cmc.py has the paper's loss written out.
@Suite struct CMCTests {
  private struct Case: Decodable {
    let images, dimension, views: Int
    let temperature, loss: Double
  }

  private static func method(
    dimension: Int = 8, temperature: Double = 0.07, over group: ProcessGroup = .single()
  ) -> CMC {
    let generator = Generator(seed: 3)
    let encoder = LabEncoder(
      EncoderSettings(.resnet18, width: 0.0625, stem: .cifar), mean: [0.5, 0.5, 0.5],
      standardDeviation: [0.25, 0.25, 0.25], generator: generator)
    func head() -> ProjectionHead {
      ProjectionHead(
        dimensions: [encoder.lightness.featureCount, dimension], normalization: .none, generator: generator)
    }
    return CMC(
      encoder: encoder, lightnessHead: head(), colorHead: head(), temperature: temperature, over: group)
  }

  @Test("the loss and its gradients are the paper's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().jsonWithItsKeys("cmc")
    let tensors = try Fixture().tensors("cmc")
    #expect(cases.count == 2)
    for (name, reference) in cases {
      let parts = try withRanks(processes) { world in
        let length = reference.images / processes
        let leaves = (0..<reference.views).map { view in
          ["lightness", "color"].map { half in
            Tensor.pattern("cmc.\(name).\(half).\(view)", [reference.images, reference.dimension]).to(.float64)
              .narrow(0, world.rank * length..<(world.rank + 1) * length).clone().requireGradient()
          }
        }
        let method = Self.method(
          dimension: reference.dimension, temperature: reference.temperature, over: world.group)
        let before = world.group.sentBytes
        let loss = method.contrast(leaves.map { ViewEmbeddings($0) }, globalCount: 2)
        let sent = world.group.sentBytes - before
        loss.backward()
        let gathered = method.contrastExchange(views: reference.views, globalBatchSize: reference.images).gathered
        #expect(sent == (processes - 1) * gathered * 8 / processes)
        return (loss: loss.item(), gradients: leaves.map { $0.map { $0.gradient! } })
      }
      #expect((parts.map(\.loss).reduce(0, +) - reference.loss).magnitude < 1e-12, "\(name)")
      for view in 0..<reference.views {
        for (place, half) in ["lightness", "color"].enumerated() {
          let gradient = Tensor.concatenate(parts.map { $0.gradients[view][place] })
          let wanted = tensors["\(name)/gradient.\(half).\(view)"]!.to(.float64)
          #expect(gradient.largestDifference(from: wanted) <= 1e-7 * wanted.largestMagnitude, "\(name)")
        }
      }
    }
  }

  @Test("of more images than scores are computed for at a time, the loss is the plain cross-entropy's")
  func manyImages() {
    // 600 × 600 scores, of which a block has 512 × 512 at most.
    let halves = (0..<2).map { Tensor.pattern("half \($0)", [600, 4]).to(.float64) }
    let (ours, plain) = (halves.map { $0.clone().requireGradient() }, halves.map { $0.clone().requireGradient() })
    let loss = Self.method(dimension: 4, temperature: 0.5).contrast([ViewEmbeddings(ours)], globalCount: 1)
    loss.backward()
    let logits = Functional.normalize(plain[0]).matmul(Functional.normalize(plain[1]).transposed()) / 0.5
    let target = Tensor.arange(0..<600)
    let expected =
      Functional.crossEntropy(logits, target: target) + Functional.crossEntropy(logits.transposed(), target: target)
    expected.backward()
    #expect((loss.item() - expected.item()).magnitude < 1e-12)
    for (a, b) in zip(ours, plain) {
      #expect(a.gradient!.largestDifference(from: b.gradient!) < 1e-12 * b.gradient!.largestMagnitude + 1e-18)
    }
  }

  @Test("each half is embedded by its own network and head, and features of both are joined for evaluation")
  func halves() throws {
    let method = Self.method()
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    method.evaluate()
    let names = Set(method.trainedParameters().map(\.name))
    #expect(names.contains("encoder.lightness.conv1.weight") && names.contains("color_head.layers.0.weight"))
    let images = Tensor.pattern("images", [3, 3, 16, 16]).to(.float64)
    let features = method.encoder(images)
    #expect(features.shape == [3, method.encoder.featureCount] && method.encoder.featureCount == 64)
    let embeddings = method.embed(images, view: 0)
    #expect(embeddings[0].isIdentical(to: method.lightnessHead(features.narrow(1, 0..<32).contiguous())))
    #expect(embeddings[1].isIdentical(to: method.colorHead(features.narrow(1, 32..<64).contiguous())))
  }
}
