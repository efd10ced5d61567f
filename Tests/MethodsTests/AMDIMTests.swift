import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/amdim.py has the paper's loss written out.
@Suite struct AMDIMTests {
  private struct Case: Decodable {
    let images, dimension, deep, shallow, step: Int
    let clip, loss: Double
  }

  private static let depths = ["global", "deep", "shallow"]

  private static func method(
    dimension: Int = 8, clip: Double = 10, over group: ProcessGroup = .single()
  ) -> AMDIM {
    let generator = Generator(seed: 3)
    let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
    func head(of channels: Int) -> ProjectionHead {
      ProjectionHead(dimensions: [channels, dimension], normalization: .none, generator: generator)
    }
    return AMDIM(
      encoder: encoder, heads: (head(of: 32), head(of: 32), head(of: 16)), clip: clip, penalty: 0.04, over: group)
  }

  @Test("the loss and its gradients are the paper's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().jsonWithItsKeys("amdim")
    let tensors = try Fixture().tensors("amdim")
    #expect(cases.count == 2)
    for (name, reference) in cases {
      let shapes = [
        [reference.images, reference.dimension], [reference.images, reference.deep, reference.dimension],
        [reference.images, reference.shallow, reference.dimension],
      ]
      let parts = try withRanks(processes) { world in
        let length = reference.images / processes
        let leaves = (0..<2).map { view in
          zip(Self.depths, shapes).map { depth, shape in
            Tensor.pattern("amdim.\(name).\(depth).\(view)", shape, scale: 3).to(.float64)
              .narrow(0, world.rank * length..<(world.rank + 1) * length).clone().requireGradient()
          }
        }
        let method = Self.method(dimension: reference.dimension, clip: reference.clip, over: world.group)
        // Positions come in turn, and begin again.
        method.beginStep(at: StepPosition(step: reference.step + reference.deep, of: 100))
        let loss = method.contrast(leaves.map { ViewEmbeddings($0) }, globalCount: 2)
        loss.backward()
        return (loss: loss.item(), gradients: leaves.map { $0.map { $0.gradient! } })
      }
      #expect((parts.map(\.loss).reduce(0, +) - reference.loss).magnitude < 1e-12, "\(name)")
      for view in 0..<2 {
        for (place, depth) in Self.depths.enumerated() {
          let gradient = Tensor.concatenate(parts.map { $0.gradients[view][place] })
          let wanted = tensors["\(name)/gradient.\(depth).\(view)"]!.to(.float64)
          #expect(gradient.largestDifference(from: wanted) <= 1e-7 * wanted.largestMagnitude, "\(name) \(depth)")
        }
      }
    }
  }

  @Test("embeddings are of pooled features and of the positions of two maps, of which there are 64 at most")
  func maps() {
    let method = Self.method()
    method.evaluate()
    for (size, deep, shallow) in [(16, 4, 16), (32, 16, 64), (64, 64, 64)] {
      let images = Tensor.pattern("images", [2, 3, size, size])
      let found = method.embed(images, view: 0)
      #expect(found.map(\.shape) == [[2, 8], [2, deep, 8], [2, shallow, 8]])
      #expect(found[0].largestDifference(from: method.globalHead(method.encoder(images))) < 1e-6)
    }
  }
}
