import Encoders
import Foundation
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/dino.py has the paper's loss written out, and lightly's loss and head.
@Suite struct DINOTests {
  private struct Case: Decodable {
    let images, outputs, views: Int
    let teacherTemperature: Double
    let loss: Double
  }

  private static func method(
    outputs: Int = 6, scalesLastLayer: Bool = false, settings: DINO.Settings = .init(),
    over group: ProcessGroup = .single()
  ) -> DINO {
    let generator = Generator(seed: 3)
    func network() -> DINO.Network {
      let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
      let head = DINOHead(
        dimensions: [encoder.featureCount, 8], outputDimension: outputs, normalization: .hidden,
        scalesLastLayer: scalesLastLayer, generator: generator)
      return .init(encoder: encoder, head: head)
    }
    let method = DINO(student: network(), teacher: network(), settings: settings, over: group)
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    return method
  }

  @Test("loss, gradients and center are the paper's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().json("dino")
    let tensors = try Fixture().tensors("dino")
    #expect(cases.count == 2)
    for (name, reference) in cases {
      let parts = try withRanks(processes) { world in
        func rows(_ what: String) -> Tensor {
          let length = reference.images / processes
          return Tensor.pattern("dino.\(name).\(what)", [reference.images, reference.outputs]).to(.float64)
            .narrow(0, world.rank * length..<(world.rank + 1) * length)
        }
        var settings = DINO.Settings()
        settings.teacherTemperature = reference.teacherTemperature
        let method = Self.method(outputs: reference.outputs, settings: settings, over: world.group)
        method.center.value.copy_(Tensor.pattern("dino.\(name).center", [reference.outputs], scale: 0.3))
        let leaves = (0..<reference.views).map { rows("student.\($0)").clone().requireGradient() }
        let views = leaves.enumerated().map { view, leaf in
          ViewEmbeddings([leaf], targets: view < 2 ? [rows("teacher.\(view)")] : [])
        }
        let loss = method.contrast(views, globalCount: 2)
        loss.backward()
        method.finishStep(at: StepPosition(step: 0, of: 1))
        return (loss: loss.item(), gradients: leaves.map { $0.gradient! }, center: method.center.value)
      }
      #expect((parts.map(\.loss).reduce(0, +) - reference.loss).magnitude < 1e-12, "\(name)")
      for view in 0..<reference.views {
        let gradient = Tensor.concatenate(parts.map { $0.gradients[view] })
        let wanted = tensors["\(name)/gradient.\(view)"]!.to(.float64)
        #expect(gradient.largestDifference(from: wanted) <= 1e-7 * wanted.largestMagnitude, "\(name)")
      }
      for part in parts { #expect(part.center.largestDifference(from: tensors["\(name)/center"]!) < 1e-7, "\(name)") }
    }
  }

  @Test("the head computes what lightly's computes, from its weights")
  func head() throws {
    let tensors = try Fixture().tensors("dino")
    let head = DINOHead(
      dimensions: [6, 10, 10, 4], outputDimension: 8, normalization: .hidden, scalesLastLayer: false,
      generator: Generator(seed: 0))
    let state = tensors.filter { $0.key.hasPrefix("head/") && $0.key != "head/output" }.map { name, tensor in
      (String(name.dropFirst("head/".count)).replacingOccurrences(of: "layers.", with: "mlp.layers."), tensor)
    }
    try head.load(Dictionary(uniqueKeysWithValues: state))
    let output = head(Tensor.pattern("dino.head.input", [7, 6]))
    #expect(output.largestDifference(from: tensors["head/output"]!) < 1e-6)
  }

  @Test("a step that is skipped leaves center and teacher; one that is made moves both")
  func skippedStep() {
    var settings = DINO.Settings()
    settings.momentum = 0.75
    let method = Self.method(settings: settings)
    let logits = Tensor.pattern("logits", [4, 6]).to(.float64)
    let before = method.teacherEncoder.parameters().map { $0.value.clone() }
    let views = (0..<2).map { _ in ViewEmbeddings([logits], targets: [logits]) }
    _ = method.contrast(views, globalCount: 2)
    #expect(method.center.value.largestMagnitude == 0)
    withoutGradients { for (_, parameter) in method.trainedParameters() { parameter.value.add_(1) } }
    method.finishStep(at: StepPosition(step: 0, of: 1))
    #expect(method.center.value.largestDifference(from: logits.mean(0) * 0.1) < 1e-15)
    for (old, new) in zip(before, method.teacherEncoder.parameters()) {
      #expect((new.value - old - 0.25).norm().item() < 1e-12 * Double(old.count))
    }
    #expect(method.trainedParameters().allSatisfy { !$0.name.hasPrefix("teacher_") })
  }

  @Test(
    "the last layer is held in the first epoch, with its lengths where these are learned", arguments: [false, true])
  func lastLayer(learnsLengths: Bool) {
    let method = Self.method(scalesLastLayer: learnsLengths)
    func held(_ step: Int) -> [Parameter] {
      method.heldParameters(at: StepPosition(step: step, of: 10, stepsPerEpoch: 5))
    }
    #expect(held(4).count == (learnsLengths ? 2 : 1) && held(5).isEmpty)
    // Directions of any length give the same outputs.
    let features = Tensor.pattern("features", [3, 32]).to(.float64)
    let before = method.head(features)
    withoutGradients { _ = method.head.lastLayer.weightV.value.mul_(3) }
    #expect(method.head(features).largestDifference(from: before) < 1e-14)
  }

  @Test("the teacher's temperature rises epoch by epoch, and stays after the warm-up")
  func temperature() {
    var settings = DINO.Settings()
    (settings.firstTeacherTemperature, settings.teacherTemperature) = (0.04, 0.07)
    settings.teacherTemperatureWarmupEpochs = 4
    let method = Self.method(settings: settings)
    let found = [0, 1, 2, 4, 6, 8, 19].map {
      method.teacherTemperature(at: StepPosition(step: $0, of: 20, stepsPerEpoch: 2))
    }
    #expect(zip(found, [0.04, 0.04, 0.05, 0.06, 0.07, 0.07, 0.07]).allSatisfy { ($0 - $1).magnitude < 1e-15 })
  }
}
