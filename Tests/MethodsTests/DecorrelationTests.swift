import Encoders
import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Barlow Twins and VICReg beside Fixtures/decorrelation.py, which has the paper's algorithm and lightly's loss.
@Suite struct DecorrelationTests {
  private static let names = ["barlow_twins", "vicreg"]

  private static func method(_ name: String, over group: ProcessGroup = .single()) -> any PretrainingMethod {
    let generator = Generator(seed: 3)
    let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
    let head = ProjectionHead(dimensions: [encoder.featureCount, 16], normalization: .hidden, generator: generator)
    return name == "vicreg"
      ? VICReg(encoder: encoder, projectionHead: head, over: group)
      : BarlowTwins(encoder: encoder, projectionHead: head, over: group)
  }

  private let losses: [String: [String: Double]]
  private let tensors: [String: Tensor]

  init() throws {
    losses = try Fixture().jsonWithItsKeys("decorrelation")
    tensors = try Fixture().tensors("decorrelation")
  }

  @Test("values and gradients are the reference's, of one to four processes together", arguments: names, 1...4)
  func parity(name: String, processes: Int) throws {
    #expect(losses.count == 3)
    for (key, expected) in losses {
      let views = ["first", "second"].map { tensors["\(key)/\($0)"]!.to(.float64) }
      let parts = try withRanks(processes) { world in
        let length = views[0].shape[0] / processes
        let own = world.rank * length..<(world.rank + 1) * length
        let leaves = views.map { $0.narrow(0, own).clone().requireGradient() }
        let method = Self.method(name, over: world.group)
        let loss = method.contrast(leaves.map { ViewEmbeddings([$0]) }, globalCount: 2)
        loss.backward()
        return (loss: loss.item(), gradients: leaves.map { $0.gradient! })
      }
      let wanted = try #require(expected[name])
      #expect((parts.map(\.loss).reduce(0, +) - wanted).magnitude <= 1e-12 * wanted, "\(key)")
      for (view, place) in ["first", "second"].enumerated() {
        let gradient = Tensor.concatenate(parts.map { $0.gradients[view] })
        let reference = tensors["\(key)/\(name)/gradient.\(place)"]!.to(.float64)
        #expect(gradient.largestDifference(from: reference) <= 1e-7 * reference.largestMagnitude, "\(key)")
      }
    }
  }

  @Test("with a local view the loss is the mean over the pairs with a global one", arguments: names)
  func localViews(name: String) {
    let method = Self.method(name)
    let views = (0..<3).map { ViewEmbeddings([Tensor.pattern("view \($0)", [8, 5]).to(.float64)]) }
    func loss(_ pair: [Int]) -> Double { method.contrast(pair.map { views[$0] }, globalCount: 2).item() }
    let mean = (loss([0, 1]) + loss([0, 2]) + loss([1, 2])) / 3
    #expect((method.contrast(views, globalCount: 2).item() - mean).magnitude < 1e-12 * mean)
  }

  @Test("what is counted is what is sent", arguments: names)
  func traffic(name: String) throws {
    let counts = try withRanks(3) { world in
      let method = Self.method(name, over: world.group)
      let leaves = (0..<2).map { Tensor.pattern("view \($0)", [4, 16]).requireGradient() }
      let before = world.group.sentBytes
      method.contrast(leaves.map { ViewEmbeddings([$0]) }, globalCount: 2).backward()
      let counted = method.contrastExchange(views: 2, globalBatchSize: 12).summed.reduce(0) {
        $0 + 2 * ProcessGroup.bytesSent(allReducing: $1 * 4, among: 3, on: .cpu)
      }
      return (sent: world.group.sentBytes - before, counted: counted)
    }
    for count in counts { #expect(count.sent == count.counted && count.sent > 0) }
  }
}
