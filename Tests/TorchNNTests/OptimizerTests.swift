import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct OptimizerTests {
  private static let kinds = ["sgd", "sgd-nesterov", "lars", "adam", "adamw"]

  private static func optimizer(_ kind: String, _ parameters: [OptimizedParameter]) -> Optimizer {
    switch kind {
    case "sgd": SGD(parameters, weightDecay: 0.1)
    case "sgd-nesterov": SGD(parameters, momentum: 0.9, weightDecay: 0.1, nesterov: true)
    case "lars": LARS(parameters, weightDecay: 0.1, trustCoefficient: 0.1)
    case "adam": Adam(parameters, weightDecay: 0.1)
    default: Adam(parameters, weightDecay: 0.1, decay: .decoupled)
    }
  }

  private static func parameters(_ dtype: DType = .float32) -> [OptimizedParameter] {
    [("conv", [4, 3, 3, 3]), ("point", [8, 4, 1, 1]), ("bias", [5])].map { name, shape in
      let value = Tensor.pattern(name, shape).to(dtype)
      return OptimizedParameter(
        name: name, parameter: Parameter(shape.count == 4 ? value.channelsLast() : value),
        isDecayedAndAdapted: shape.count > 1)
    }
  }

  private func values(_ parameters: [OptimizedParameter]) -> [[Double]] {
    parameters.map { $0.parameter.value.detached().array(of: Double.self) }
  }

  @Test("gradients may lie in another memory order than their parameters", arguments: kinds)
  func memoryOrder(kind: String) {
    let results = [true, false].map { inOrder in
      let parameters = Self.parameters()
      let optimizer = Self.optimizer(kind, parameters)
      for step in 0..<3 {
        for target in parameters {
          let gradient = Tensor.pattern("\(target.name) \(step)", target.parameter.value.shape)
          target.parameter.value.gradient = inOrder && gradient.rank == 4 ? gradient.channelsLast() : gradient
        }
        optimizer.step(learningRate: 0.1)
      }
      return parameters.map { $0.parameter.value.detached() }
    }
    for (first, second) in zip(results[0], results[1]) { #expect(first.largestDifference(from: second) <= 1e-6) }
  }

  @Test("a parameter without a gradient stays, and the others change as they do beside it", arguments: kinds)
  func withoutGradient(kind: String) {
    let (all, some) = (Self.parameters(), Self.parameters())
    let before = values(some)
    let optimizers = [all, some].map { Self.optimizer(kind, $0) }
    for target in all + some {
      target.parameter.value.gradient = Tensor.pattern("\(target.name) gradient", target.parameter.value.shape)
    }
    some[0].parameter.value.gradient = nil
    for optimizer in optimizers { optimizer.step(learningRate: 0.1) }
    #expect(values(some)[0] == before[0])
    #expect(values(some)[1...] == values(all)[1...])
    #expect(values(some)[1] != before[1])
  }

  @Test("parameters of several types are changed each in its own", arguments: kinds)
  func types(kind: String) {
    let mixed = Self.parameters() + Self.parameters(.float64)
    let optimizer = Self.optimizer(kind, mixed)
    for target in mixed {
      let gradient = Tensor.pattern("\(target.name) gradient", target.parameter.value.shape)
      target.parameter.value.gradient = gradient.to(target.parameter.value.dtype)
    }
    optimizer.step(learningRate: 0.1)
    for (single, double) in zip(mixed[..<3], mixed[3...]) {
      let difference = single.parameter.value.largestDifference(from: double.parameter.value)
      #expect(0 < difference && difference < 1e-6)
    }
  }

  @Test("a parameter with a rate of its own is changed as by an optimizer of that rate", arguments: kinds)
  func rateRules(kind: String) {
    func trained(_ rules: [LearningRateRule], _ rates: [(scheduled: Double, peak: Double)]) -> [[Double]] {
      let parameters = zip(Self.parameters(), rules).map { target, rule in
        OptimizedParameter(
          name: target.name, parameter: target.parameter, isDecayedAndAdapted: target.isDecayedAndAdapted,
          rateRule: rule)
      }
      let optimizer = Self.optimizer(kind, parameters)
      for (step, rate) in rates.enumerated() {
        for target in parameters {
          target.parameter.value.gradient = Tensor.pattern("\(target.name) \(step)", target.parameter.value.shape)
        }
        optimizer.step(learningRate: rate.scheduled, peak: rate.peak)
      }
      return values(parameters)
    }
    func plain(_ rates: [Double]) -> [[Double]] {
      trained(Array(repeating: .scheduled, count: 3), rates.map { ($0, $0) })
    }
    let rules = [LearningRateRule(factor: 0.5), LearningRateRule(isConstant: true), .scheduled]
    let found = trained(rules, [(0.1, 0.4), (0.4, 0.4), (0.2, 0.4)])
    #expect(found[0] == plain([0.05, 0.2, 0.1])[0])
    #expect(found[1] == plain([0.4, 0.4, 0.4])[1])
    #expect(found[2] == plain([0.1, 0.4, 0.2])[2])
  }

  /// As another module would write one.
  private final class MovingAverageDescent: Optimizer {
    init(_ parameters: [OptimizedParameter]) { super.init(parameters, slots: ["average"]) }

    override func update(_ targets: Targets, learningRate: Double) {
      let averages = targets.slot("average")
      Foreach.mul_(averages, 0.5)
      Foreach.add_(averages, targets.gradients, alpha: 0.5)
      Foreach.add_(targets.values, averages, alpha: -learningRate)
    }
  }

  @Test("an optimizer of another module has its state kept and named as ours have")
  func extended() throws {
    let parameter = Parameter(Tensor([1.0, 2]))
    let optimizer = MovingAverageDescent([
      OptimizedParameter(name: "weight", parameter: parameter, isDecayedAndAdapted: true)
    ])
    for _ in 0..<2 {
      optimizer.zeroGradients()
      (parameter.value * Tensor([4.0, 8])).sum().backward()
      optimizer.step(learningRate: 0.25)
    }
    // Averages of 2 and 3 for the first, of 4 and 6 for the second.
    #expect(parameter.value.array(of: Double.self) == [-0.25, -0.5])
    #expect(optimizer.stateDictionary().map(\.name) == ["average.weight"])
    #expect(optimizer.stateDictionary()[0].tensor.array(of: Double.self) == [3, 6])
  }
}
