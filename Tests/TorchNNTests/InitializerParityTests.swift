import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/layers.py lists torchvision's rule for every parameter of ResNet-18 and ResNet-50.
@Suite struct InitializerParityTests {
  private struct Rule: Decodable {
    let name: String
    let shape: [Int]
    let kind: String
    let number: Double
    let observedDeviation: Double

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      name = try values.decode(String.self)
      shape = try values.decode([Int].self)
      kind = try values.decode(String.self)
      number = try values.decode(Double.self)
      observedDeviation = try values.decode(Double.self)
    }
  }

  private let networks: [String: [Rule]]

  init() throws { networks = try Fixture().json("initializers") }

  @Test("convolutions start normal with torchvision's deviation, within five standard errors")
  func convolutions() throws {
    let generator = Generator(seed: 1)
    for rule in networks.values.joined() where rule.kind == "normal" {
      let weight = Initializer.kaimingNormal(rule.shape, generator: generator)
      #expect(weight.shape == rule.shape)
      let count = Double(weight.count)
      let deviation = weight.to(.float64).variance(correction: 0).sqrt().item()
      // The standard error of a normal sample's deviation is σ / √(2n), of its mean σ / √n.
      #expect((deviation / rule.number - 1).magnitude < 5 / (2 * count).squareRoot(), "\(rule.name)")
      #expect((deviation / rule.observedDeviation - 1).magnitude < 8 / (2 * count).squareRoot(), "\(rule.name)")
      #expect(weight.to(.float64).mean().item().magnitude < 5 * rule.number / count.squareRoot(), "\(rule.name)")
    }
  }

  @Test("linear layers start uniform within torch.nn's bound, weight and bias")
  func linear() throws {
    for rules in networks.values {
      let weightRule = try #require(rules.first { $0.name == "fc.weight" })
      let layer = Linear(weightRule.shape[1], weightRule.shape[0], generator: Generator(seed: 2))
      for (name, parameter) in layer.namedParameters() {
        let rule = try #require(rules.first { $0.name == "fc.\(name)" })
        let values = parameter.value.detached()
        #expect(values.shape == rule.shape && rule.kind == "uniform")
        let largest = values.largestMagnitude
        #expect(largest <= rule.number && largest > 0.99 * rule.number, "\(rule.name)")
        let deviation = values.to(.float64).variance(correction: 0).sqrt().item()
        #expect(
          (deviation / rule.observedDeviation - 1).magnitude < 8 / Double(values.count).squareRoot(), "\(rule.name)")
      }
    }
  }

  @Test("BatchNorm starts with scale 1 and shift 0")
  func batchNorm() {
    let constants = networks.values.joined().filter { $0.kind == "constant" }
    for rule in constants {
      let state = BatchNorm2d(rule.shape[0]).namedParameters()
      let name = rule.name.split(separator: ".").last!
      let parameter = state.first { $0.name == name }!.parameter
      #expect(parameter.value.largestDifference(from: .full(rule.shape, rule.number)) == 0, "\(rule.name)")
    }
    #expect(constants.count == 146)
  }
}
