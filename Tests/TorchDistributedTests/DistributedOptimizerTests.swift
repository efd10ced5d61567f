import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

@Suite struct DistributedOptimizerTests {
  private static func makeParameters() -> [OptimizedParameter] {
    [("a", [7, 3]), ("b", [7]), ("c", [2, 3, 2, 2]), ("d", [1])].map { name, shape in
      let value = Tensor.pattern(name, shape)
      return OptimizedParameter(
        name: name, parameter: Parameter(shape.count == 4 ? value.channelsLast() : value),
        isDecayedAndAdapted: shape.count > 1)
    }
  }

  /// Four steps with gradients of a pattern; the parameters and the whole state after them.
  private static func train(
    in world: World, shards: Bool, from state: (values: [String: Tensor], steps: Int)? = nil
  ) throws -> (parameters: [[Float]], state: [(name: String, tensor: Tensor)], kept: Int) {
    let parameters = makeParameters()
    let optimizer = DistributedOptimizer(parameters, over: world.group, shards: shards) {
      Adam($0, weightDecay: 0.1, decay: .decoupled)
    }
    if let state { try optimizer.load(world.isFirst ? state.values : [:], stepCount: state.steps) }
    for step in optimizer.stepCount..<4 {
      for target in parameters {
        target.parameter.value.gradient = Tensor.pattern("\(target.name) \(step)", target.parameter.value.shape)
      }
      try optimizer.step(learningRate: 0.1)
      optimizer.zeroGradients()
    }
    #expect(parameters.allSatisfy { $0.parameter.gradient == nil })
    return (
      parameters.map { $0.parameter.value.detached().array(of: Float.self) }, try optimizer.stateDictionary(),
      optimizer.stateCount
    )
  }

  @Test("a divided state gives the same bits as a whole one, and takes a part of the memory", arguments: [2, 3, 5])
  func sharding(size: Int) throws {
    let whole = try Self.train(in: .alone(), shards: false)
    let shared = try withRanks(size) { world in try Self.train(in: world, shards: true) }
    for rank in shared {
      #expect(rank.parameters == whole.parameters)
      #expect(rank.state.map(\.name) == whole.state.map(\.name))
      #expect(zip(rank.state, whole.state).allSatisfy { $0.tensor.isIdentical(to: $1.tensor) })
    }
    #expect(shared.map(\.kept).reduce(0, +) == whole.kept)
    #expect(shared.map(\.kept).max()! < whole.kept)
  }

  @Test("a state that rank 0 has is taken over by all, divided or not", arguments: [false, true])
  func loading(shards: Bool) throws {
    let whole = try Self.train(in: .alone(), shards: false)
    let state = Dictionary(uniqueKeysWithValues: whole.state.map { ($0.name, $0.tensor) })
    let resumed = try withRanks(3) { try Self.train(in: $0, shards: shards, from: (state, 4)).state }
    for rank in resumed { #expect(zip(rank, whole.state).allSatisfy { $0.tensor.isIdentical(to: $1.tensor) }) }
  }
}
