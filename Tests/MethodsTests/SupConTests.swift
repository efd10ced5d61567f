import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed

/// Supervised contrast beside Fixtures/supcon.py, which has the paper's formula.
@Suite struct SupConTests {
  private struct Case: Decodable {
    let temperature: Double
    let loss: Double
  }

  private static func method(temperature: Double = 0.1, over group: ProcessGroup = .single()) -> SupCon {
    let network = tinyNetwork(Generator(seed: 3))
    return SupCon(
      encoder: network.encoder, projectionHead: network.projectionHead,
      loss: SupConLoss(temperature: temperature, over: group))
  }

  @Test("values and gradients are the paper's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let tensors = try Fixture().tensors("supcon")
    let cases: [String: Case] = try Fixture().json("supcon")
    #expect(cases.count == 3)
    for (name, reference) in cases {
      let views = ["first", "second"].map {
        ViewEmbeddings([tensors["\(name)/\($0)"]!.to(.float64)], labels: tensors["\(name)/labels"]!)
      }
      let found = try contrasted(views, by: processes) { Self.method(temperature: reference.temperature, over: $0) }
      #expect((found.loss - reference.loss).magnitude <= 1e-12 * reference.loss, "\(name)")
      for (view, place) in ["first", "second"].enumerated() {
        let expected = tensors["\(name)/gradient.\(place)"]!.to(.float64)
        #expect(
          found.gradients[view].largestDifference(from: expected) <= 1e-7 * expected.largestMagnitude, "\(name)")
      }
    }
  }

  @Test("where every image is a class of its own the loss is NT-Xent, local views included", arguments: [2, 3])
  func classesOfOne(views: Int) {
    let views = (0..<views).map { Tensor.pattern("view \($0)", [6, 5]).to(.float64) }
    let found = SupConLoss(temperature: 0.2)(views, labels: Tensor.arange(0..<6), globalCount: 2).item() as Double
    #expect((found - NTXentLoss(temperature: 0.2)(views, globalCount: 2).item()).magnitude < 1e-12)
  }

  @Test("what is counted is what is sent")
  func traffic() throws {
    let counts = try withRanks(3) { world in
      let method = Self.method(over: world.group)
      let before = world.group.sentBytes
      let views = (0..<2).map { ViewEmbeddings([Tensor.pattern("view \($0)", [4, 8])], labels: Tensor.arange(0..<4)) }
      _ = method.contrast(views, globalCount: 2)
      let exchange = method.contrastExchange(views: 2, globalBatchSize: 12)
      return (sent: world.group.sentBytes - before, counted: 2 * 4 * (exchange.gathered + exchange.collected) / 3)
    }
    for count in counts { #expect(count.sent == count.counted && count.sent > 0) }
  }
}
