import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Fixtures/moco.py has lightly's loss with a memory bank.
@Suite struct MoCoTests {
  private struct Case: Decodable {
    let temperature: Double
    let loss: Double
  }

  private static func method(
    dimension: Int = 8, queue: Int, temperature: Double = 0.2, momentum: Double = 0.75,
    over group: ProcessGroup = .single()
  ) -> MoCo {
    let generator = Generator(seed: 3)
    func network() -> EmbeddingNetwork {
      let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
      return EmbeddingNetwork(
        encoder: encoder,
        projectionHead: ProjectionHead(
          dimensions: [encoder.featureCount, dimension], normalization: .none, generator: generator))
    }
    let method = MoCo(
      network: network(), keyNetwork: network(), queueLength: queue, temperature: temperature, momentum: momentum,
      generator: generator, over: group)
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    return method
  }

  @Test("the loss and its gradient are lightly's, of one to three processes together", arguments: 1...3)
  func parity(processes: Int) throws {
    let cases: [String: Case] = try Fixture().json("moco")
    let tensors = try Fixture().tensors("moco")
    #expect(cases.count == 3)
    for (name, reference) in cases {
      @Sendable func rows(_ key: String) -> Tensor { tensors["\(name)/\(key)"]!.to(.float64) }
      let parts = try withRanks(processes) { world in
        let length = rows("query").shape[0] / processes
        let own = world.rank * length..<(world.rank + 1) * length
        let method = Self.method(
          dimension: rows("query").shape[1], queue: rows("queue").shape[0], temperature: reference.temperature,
          over: world.group)
        method.queue.value.copy_(Functional.normalize(rows("queue")))
        let query = rows("query").narrow(0, own).clone().requireGradient()
        let views = [
          ViewEmbeddings([query]), ViewEmbeddings([], targets: [rows("key").narrow(0, own)]),
        ]
        let loss = method.contrast(views, globalCount: 2)
        loss.backward()
        return (loss: loss.item(), gradient: query.gradient!)
      }
      #expect((parts.map(\.loss).reduce(0, +) - reference.loss).magnitude < 1e-12, "\(name)")
      let gradient = Tensor.concatenate(parts.map(\.gradient))
      #expect(gradient.largestDifference(from: rows("gradient")) <= 1e-7 * rows("gradient").largestMagnitude, "\(name)")
    }
  }

  @Test("keys of all processes enter the queue after a step, and the oldest leave", arguments: [1, 2])
  func queue(processes: Int) throws {
    let keys = Tensor.pattern("keys", [4, 8]).to(.float64)
    let queues = try withRanks(processes) { world in
      let method = Self.method(queue: 12, over: world.group)
      let before = method.queue.value.clone()
      let length = 4 / processes
      let own = keys.narrow(0, world.rank * length..<(world.rank + 1) * length)
      let views = [ViewEmbeddings([own]), ViewEmbeddings([], targets: [own])]
      _ = method.contrast(views, globalCount: 2)
      #expect(method.queue.value.isIdentical(to: before), "a step that is skipped leaves the queue")
      method.finishStep(at: StepPosition(step: 0, of: 1))
      return (before: before, after: method.queue.value)
    }
    for queue in queues {
      #expect(queue.after.narrow(0, 0..<8).isIdentical(to: queue.before.narrow(0, 4..<12)))
      #expect(queue.after.narrow(0, 8..<12).largestDifference(from: Functional.normalize(keys)) < 1e-15)
    }
  }

  @Test("the first queue has rows of length 1, and is part of the state that a checkpoint holds")
  func state() {
    let method = Self.method(queue: 6)
    let lengths = (method.queue.value * method.queue.value).sum(1)
    #expect(lengths.largestDifference(from: Tensor.ones([6], dtype: .float64)) < 1e-6)
    #expect(method.stateDictionary().contains { $0.name == "queue" })
    #expect(method.trainedParameters().allSatisfy { !$0.name.hasPrefix("key_") })
  }

  @Test("the network of the keys follows by the momentum")
  func momentum() {
    let method = Self.method(queue: 6)
    let before = method.keyEncoder.parameters().map { $0.value.clone() }
    withoutGradients { for (_, parameter) in method.trainedParameters() { parameter.value.add_(1) } }
    method.finishStep(at: StepPosition(step: 0, of: 1))
    for (old, new) in zip(before, method.keyEncoder.parameters()) {
      #expect((new.value - old - 0.25).norm().item() < 1e-12 * Double(old.count))
    }
  }
}
