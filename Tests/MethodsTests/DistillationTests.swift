import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/distillation.py has the loss written out.
@Suite struct DistillationTests {
  private struct Case: Decodable {
    let images, features, views: Int
    let loss: Double
  }

  private static func method(over group: ProcessGroup = .single()) -> Distillation {
    let generator = Generator(seed: 3)
    let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
    let teacher = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: generator)
    let head = ProjectionHead(
      dimensions: [encoder.featureCount, 16, teacher.featureCount], normalization: .hidden, generator: generator)
    return Distillation(encoder: encoder, projectionHead: head, teacher: teacher, over: group)
  }

  @Test("the loss and its gradients are the reference's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().jsonWithItsKeys("distillation")
    let tensors = try Fixture().tensors("distillation")
    #expect(cases.count == 2)
    for (name, reference) in cases {
      let parts = try withRanks(processes) { world in
        func rows(_ what: String) -> Tensor {
          let length = reference.images / processes
          return Tensor.pattern("distillation.\(name).\(what)", [reference.images, reference.features]).to(.float64)
            .narrow(0, world.rank * length..<(world.rank + 1) * length)
        }
        let leaves = (0..<reference.views).map { rows("student.\($0)").clone().requireGradient() }
        let loss = Self.method(over: world.group).contrast(
          leaves.enumerated().map { view, leaf in
            ViewEmbeddings([leaf], targets: view < 2 ? [rows("teacher.\(view)")] : [])
          }, globalCount: 2)
        loss.backward()
        return (loss: loss.item(), gradients: leaves.map { $0.gradient! })
      }
      #expect((parts.map(\.loss).reduce(0, +) - reference.loss).magnitude < 1e-12, "\(name)")
      for view in 0..<reference.views {
        let gradient = Tensor.concatenate(parts.map { $0.gradients[view] })
        let wanted = tensors["\(name)/gradient.\(view)"]!.to(.float64)
        #expect(gradient.largestDifference(from: wanted) <= 1e-7 * wanted.largestMagnitude, "\(name)")
      }
    }
  }

  @Test("the teacher is frozen, and computes as in evaluation however the method is set")
  func teacher() {
    let method = Self.method()
    method.train()
    #expect(method.encoder.isTraining && method.teacher.submodules().allSatisfy { !$0.isTraining })
    #expect(method.trainedParameters().allSatisfy { !$0.name.hasPrefix("teacher.") })
    let images = Tensor.pattern("images", [4, 3, 16, 16])
    let before = method.teacher.stateDictionary().map { $0.tensor.clone() }
    let features = method.targets(images, view: 0)[0]
    // In training BatchNorm would let each image see the others, and would move its running statistics.
    #expect(
      method.targets(images.narrow(0, 0..<1), view: 0)[0].largestDifference(from: features.narrow(0, 0..<1)) < 1e-5)
    #expect(zip(before, method.teacher.stateDictionary()).allSatisfy { $0.isIdentical(to: $1.tensor) })
  }
}
