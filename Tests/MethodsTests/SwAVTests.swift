import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/swav.py has the paper's loss written out, and lightly's.
@Suite struct SwAVTests {
  private struct Case: Decodable {
    let images, dimension, prototypes, views, queue: Int
    let loss: Double
  }

  private static func method(
    dimension: Int = 8, prototypes: Int = 6, queue: Int = 0, queueStartEpochs: Double = 0,
    over group: ProcessGroup = .single()
  ) -> SwAV {
    let generator = Generator(seed: 3)
    let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
    let head = ProjectionHead(
      dimensions: [encoder.featureCount, dimension], normalization: .none, generator: generator)
    var settings = SwAV.Settings()
    (settings.prototypes, settings.queueLength, settings.queueStartEpochs) = (prototypes, queue, queueStartEpochs)
    let method = SwAV(
      encoder: encoder, projectionHead: head, settings: settings, generator: generator, over: group)
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    return method
  }

  private static func unit(_ name: String, _ shape: [Int]) -> Tensor {
    Functional.normalize(Tensor.pattern(name, shape).to(.float64))
  }

  @Test("the loss and its gradients are the paper's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().jsonWithItsKeys("swav")
    let tensors = try Fixture().tensors("swav")
    #expect(cases.count == 3)
    for (name, reference) in cases {
      let parts = try withRanks(processes) { world in
        func unit(_ what: String, _ rows: Int) -> Tensor {
          Self.unit("swav.\(name).\(what)", [rows, reference.dimension])
        }
        let length = reference.images / processes
        let own = world.rank * length..<(world.rank + 1) * length
        let method = Self.method(
          dimension: reference.dimension, prototypes: reference.prototypes, queue: reference.queue, over: world.group)
        withoutGradients { _ = method.prototypes.weight.value.copy_(unit("prototypes", reference.prototypes)) }
        if let queue = method.queue {
          queue.value.copy_(Tensor.stack((0..<2).map { unit("queue.\($0)", reference.queue) }, dimension: 1))
        }
        let projections = (0..<reference.views).map { unit("projection.\($0)", reference.images).narrow(0, own) }
        let leaves = projections.map { method.prototypes($0).detached().requireGradient() }
        let loss = method.contrast(
          zip(leaves, projections).map { ViewEmbeddings([$0, $1]) }, globalCount: 2)
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

  @Test("codes give every image one whole, and with many iterations every prototype its share", arguments: [1, 3])
  func codes(processes: Int) throws {
    let scores = Tensor.pattern("scores", [12, 4]).to(.float64)
    let codes = try withRanks(processes) { world in
      let length = 12 / processes
      return Sinkhorn(epsilon: 0.2, iterations: 500, over: world.group)(
        scores.narrow(0, world.rank * length..<(world.rank + 1) * length))
    }
    let all = Tensor.concatenate(codes)
    #expect(all.sum(1).largestDifference(from: Tensor.ones([12], dtype: .float64)) < 1e-14)
    #expect(all.sum(0).largestDifference(from: Tensor.full([4], 3, dtype: .float64)) < 1e-9)
  }

  @Test("codes of the sharpest assignment that can be asked for are finite")
  func sharpCodes() {
    let codes = Sinkhorn(epsilon: 0.01, iterations: 3)(Tensor([1, -1, -1, -1, 1, 0.5, -1, -1], shape: [4, 2]))
    #expect(codes.isFinite().all())
  }

  @Test("prototypes have length 1 from the first step on, and stay as they are in the first epoch")
  func prototypes() {
    let method = Self.method()
    func expectUnitLength() {
      let weight = method.prototypes.weight.value.detached()
      #expect((weight * weight).sum(1).largestDifference(from: Tensor.ones([6], dtype: .float64)) < 1e-6)
    }
    expectUnitLength()
    withoutGradients { _ = method.prototypes.weight.value.mul_(3) }
    method.finishStep(at: StepPosition(step: 0, of: 10))
    expectUnitLength()
    func held(_ step: Int) -> [Parameter] {
      method.heldParameters(at: StepPosition(step: step, of: 10, stepsPerEpoch: 5))
    }
    #expect(held(0).first === method.prototypes.weight && held(4).count == 1 && held(5).isEmpty)
  }

  @Test("projections of all processes enter the queue after a step, and the oldest leave", arguments: [1, 2])
  func queue(processes: Int) throws {
    let projections = (0..<2).map { Self.unit("projection \($0)", [4, 8]) }
    let queues = try withRanks(processes) { world in
      let method = Self.method(queue: 12, over: world.group)
      let before = method.queue!.value.clone()
      let length = 4 / processes
      let own = projections.map { $0.narrow(0, world.rank * length..<(world.rank + 1) * length) }
      _ = method.contrast(own.map { ViewEmbeddings([method.prototypes($0), $0]) }, globalCount: 2)
      #expect(method.queue!.value.isIdentical(to: before), "a step that is skipped leaves the queue")
      method.finishStep(at: StepPosition(step: 0, of: 1))
      return (before: before, after: method.queue!.value)
    }
    for queue in queues {
      #expect(queue.after.narrow(0, 0..<8).isIdentical(to: queue.before.narrow(0, 4..<12)))
      #expect(queue.after.narrow(0, 8..<12).isIdentical(to: Tensor.stack(projections, dimension: 1)))
    }
  }

  @Test("the queue is used once its epoch has come and images have filled it")
  func queueStart() {
    let views = (0..<2).map { Self.unit("projection \($0)", [4, 8]) }
    func loss(_ method: SwAV, step: Int) -> Double {
      method.beginStep(at: StepPosition(step: step, of: 100, stepsPerEpoch: 2))
      return method.contrast(views.map { ViewEmbeddings([method.prototypes($0), $0]) }, globalCount: 2).item()
    }
    let (early, late) = (Self.method(queue: 12), Self.method(queue: 12, queueStartEpochs: 4))
    let without = loss(Self.method(), step: 0)
    #expect(loss(early, step: 0) == without && loss(early, step: 2) == without && loss(early, step: 3) != without)
    #expect(loss(late, step: 7) == without && loss(late, step: 8) == loss(early, step: 8))
  }

  @Test("what is counted is what is sent")
  func traffic() throws {
    let counts = try withRanks(3) { world in
      let method = Self.method(queue: 12, over: world.group)
      let views = (0..<3).map { view in
        let projections = Self.unit("view \(view)", [4, 8])
        return ViewEmbeddings([method.prototypes(projections).detached().requireGradient(), projections])
      }
      let before = world.group.sentBytes
      method.contrast(views, globalCount: 2).backward()
      method.finishStep(at: StepPosition(step: 0, of: 1))
      let exchange = method.contrastExchange(views: 3, globalBatchSize: 12)
      let sums = exchange.counted.reduce(0) {
        $0 + ProcessGroup.bytesSent(allReducing: $1 * 8, among: 3, on: .cpu)
      }
      return (sent: world.group.sentBytes - before, counted: sums + 2 * exchange.collected * 8 / 3)
    }
    for count in counts { #expect(count.sent == count.counted && count.sent > 0) }
  }
}
