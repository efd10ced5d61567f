import Methods
import TestSupport
import Testing
import Torch

/// DCL and DCLW beside Fixtures/decoupled.py, which has the paper's formulas and lightly's losses.
@Suite struct DecoupledLossTests {
  private static func decoupling(_ kind: String) -> NTXentLoss.Decoupling {
    kind == "dcl" ? .plain : .weighted(sigma: 0.5)
  }

  @Test("values and gradients are the paper's and lightly's, of one to four processes together", arguments: 1...4)
  func parity(processes: Int) throws {
    let tensors = try Fixture().tensors("decoupled")
    let cases: [String: [String: [String: Double]]] = try Fixture().jsonWithItsKeys("decoupled")
    #expect(cases.count == 2 && cases.values.allSatisfy { $0.count == 2 })
    for (name, kinds) in cases {
      let views = ["first", "second"].map { ViewEmbeddings([tensors["\(name)/\($0)"]!.to(.float64)]) }
      for (kind, losses) in kinds {
        for (temperature, expected) in losses {
          let found = try contrasted(views, by: processes) { group in
            let network = tinyNetwork(Generator(seed: 3))
            return SimCLR(
              encoder: network.encoder, projectionHead: network.projectionHead,
              loss: NTXentLoss(
                temperature: Double(temperature)!, decoupling: Self.decoupling(kind), over: group))
          }
          let what = "\(name) \(kind) \(temperature)"
          #expect((found.loss - expected).magnitude <= 1e-12 * max(1, expected.magnitude), "\(what)")
          for (view, place) in ["first", "second"].enumerated() {
            let reference = tensors["\(name)/\(kind)/\(temperature)/gradient.\(place)"]!.to(.float64)
            let difference = found.gradients[view].largestDifference(from: reference)
            #expect(difference <= 1e-7 * reference.largestMagnitude, "\(what)")
          }
        }
      }
    }
  }

  @Test("with a local view the loss is the mean over the pairs with a global one", arguments: ["dcl", "dclw"])
  func localViews(kind: String) {
    let loss = NTXentLoss(temperature: 0.2, decoupling: Self.decoupling(kind))
    let views = (0..<3).map { Tensor.pattern("view \($0)", [8, 5]).to(.float64) }
    func pair(_ first: Int, _ second: Int) -> Double { loss(views[first], views[second]).item() }
    let mean = (pair(0, 1) + pair(0, 2) + pair(1, 2)) / 3
    #expect((loss(views, globalCount: 2).item() - mean).magnitude < 1e-12)
  }
}
