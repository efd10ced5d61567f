import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/optimizers.py runs torch.optim, and LARS written out, on the same parameters, gradients and rates.
@Suite struct OptimizerParityTests {
  private struct Expected: Decodable {
    let parameters: [NamedShape]
    let schedule: [Double]
    let optimizers: [String: Hyperparameters]
  }

  private struct Hyperparameters: Decodable {
    let learningRate: Double
    let weightDecay: Double
    let excluded: Bool
    let momentum: Double?
    let nesterov: Bool?
    let beta1: Double?
    let beta2: Double?
    let epsilon: Double?
    let trustCoefficient: Double?

    func optimizer(_ name: String, _ parameters: [OptimizedParameter]) -> Optimizer {
      if let trustCoefficient {
        return LARS(parameters, momentum: momentum!, weightDecay: weightDecay, trustCoefficient: trustCoefficient)
      }
      if let beta1, let beta2, let epsilon {
        return Adam(
          parameters, betas: (beta1, beta2), epsilon: epsilon, weightDecay: weightDecay,
          decay: name.hasPrefix("adamw") ? .decoupled : .coupled)
      }
      return SGD(parameters, momentum: momentum!, weightDecay: weightDecay, nesterov: nesterov!)
    }
  }

  private static let storedSteps: Set = [1, 5, 20]

  private let expected: Expected
  private let trajectories: [String: Tensor]

  init() throws {
    expected = try Fixture().json("optimizers")
    trajectories = try Fixture().tensors("optimizers")
  }

  @Test(
    "parameters follow the reference over 20 steps of a changing rate, every element to 3e-6",
    arguments: [
      "sgd", "sgd-decay", "sgd-momentum", "sgd-momentum-decay", "sgd-nesterov", "sgd-nesterov-decay",
      "sgd-nesterov-decay-excluded", "adam", "adam-decay", "adamw", "adamw-excluded", "lars", "lars-no-decay",
      "lars-strong", "lars-no-momentum",
    ])
  func trajectory(name: String) throws {
    let hyperparameters = try #require(expected.optimizers[name])
    let parameters = startingParameters(excluded: hyperparameters.excluded)
    let optimizer = hyperparameters.optimizer(name, parameters)
    #expect(expected.schedule.count == 20)
    for (step, factor) in zip(1..., expected.schedule) {
      for target in parameters { target.parameter.value.gradient = gradient(of: target, step: step) }
      optimizer.step(learningRate: hyperparameters.learningRate * factor)
      guard Self.storedSteps.contains(step) else { continue }
      for target in parameters {
        let reference = try #require(trajectories["\(name)/\(step)/\(target.name)"])
        let difference = target.parameter.value.largestDifference(from: reference)
        // LARS and SGD without decay carry some parameters beyond 8, where float32 is coarser.
        let tolerance = 3e-6 * max(1, reference.largestMagnitude / 4)
        #expect(difference <= tolerance, "\(target.name) after \(step) steps")
      }
    }
  }

  @Test("every optimizer of the fixture is tried")
  func complete() { #expect(expected.optimizers.count == 15) }

  @Test(
    "an optimizer that takes over the state of another goes on bit for bit",
    arguments: ["sgd-nesterov", "adam", "lars"])
  func resumed(name: String) throws {
    let hyperparameters = try #require(expected.optimizers[name])
    let unbroken = startingParameters(excluded: hyperparameters.excluded)
    let first = hyperparameters.optimizer(name, unbroken)
    run(first, steps: 1...10)
    let resumed = unbroken.map {
      OptimizedParameter(
        name: $0.name, parameter: Parameter($0.parameter.value.detached().clone()),
        isDecayedAndAdapted: $0.isDecayedAndAdapted)
    }
    let second = hyperparameters.optimizer(name, resumed)
    let state = first.stateDictionary().map { ($0.name, $0.tensor.clone()) }
    try second.load(Dictionary(uniqueKeysWithValues: state), stepCount: first.stepCount)
    run(first, steps: 11...20)
    run(second, steps: 11...20)
    for (a, b) in zip(unbroken, resumed) {
      #expect(a.parameter.value.detached().isIdentical(to: b.parameter.value.detached()), "\(a.name)")
    }
  }

  private func run(_ optimizer: Optimizer, steps: ClosedRange<Int>) {
    for step in steps {
      for target in optimizer.parameters { target.parameter.value.gradient = gradient(of: target, step: step) }
      optimizer.step(learningRate: 0.1 * expected.schedule[step - 1])
    }
  }

  private func startingParameters(excluded: Bool) -> [OptimizedParameter] {
    expected.parameters.map { entry in
      let scale: Float = entry.name == "zero.weight" ? 0 : 0.5
      let value = Tensor.pattern(
        "parameter.\(entry.name)", entry.shape, scale: scale, offset: entry.name == "bn.weight" ? 1 : 0)
      return OptimizedParameter(
        name: entry.name, parameter: Parameter(value), isDecayedAndAdapted: !excluded || entry.shape.count > 1)
    }
  }

  private func gradient(of target: OptimizedParameter, step: Int) -> Tensor {
    let scale: Float = target.name == "fc.weight" && step == 3 ? 0 : 1
    return Tensor.pattern("gradient.\(target.name).\(step)", target.parameter.value.shape, scale: scale)
  }
}
