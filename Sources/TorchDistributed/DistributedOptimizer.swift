import Torch
import TorchNN

/// An optimizer that makes the same step in every process, from gradients that are the same in every process.
///
/// Its state is kept in each of them, or divided among them (ZeRO stage 1, Rajbhandari et al. 2020, arXiv 1910.02054):
/// then every process changes the parameters whose state it keeps, and sends them to the others. The numbers are the same
/// either way.
public final class DistributedOptimizer {
  private let parameters: [OptimizedParameter]
  /// For the parameters whose state this process keeps.
  private let optimizer: Optimizer
  private let group: ProcessGroup
  /// The process that keeps the state of each parameter; nil where all keep all.
  private let owners: [Int]?

  /// - Parameters:
  ///   - shards: whether the state is divided.
  ///   - make: the optimizer for some of the parameters.
  public init(
    _ parameters: [OptimizedParameter], over group: ProcessGroup, shards: Bool,
    make: ([OptimizedParameter]) -> Optimizer
  ) {
    self.parameters = parameters
    self.group = group
    let owners = shards && group.size > 1 ? Self.divide(parameters, among: group.size) : nil
    self.owners = owners
    optimizer = make(
      owners.map { owners in zip(parameters, owners).filter { $1 == group.rank }.map(\.0) } ?? parameters)
  }

  /// Each parameter, the largest first, to the process that has least.
  private static func divide(_ parameters: [OptimizedParameter], among size: Int) -> [Int] {
    var owners = [Int](repeating: 0, count: parameters.count)
    var loads = [Int](repeating: 0, count: size)
    let counts = parameters.map { $0.parameter.value.count }
    for index in parameters.indices.sorted(by: { (counts[$1], $0) < (counts[$0], $1) }) {
      let owner = loads.indices.min { loads[$0] < loads[$1] }!
      owners[index] = owner
      loads[owner] += counts[index]
    }
    return owners
  }

  /// How many steps were made.
  public var stepCount: Int { optimizer.stepCount }

  /// Numbers that this process keeps besides the parameters.
  public var stateCount: Int { optimizer.stateDictionary().reduce(0) { $0 + $1.tensor.count } }

  /// Takes the gradients of all parameters away.
  public func zeroGradients() {
    for target in parameters { target.parameter.value.gradient = nil }
  }

  /// Makes one step.
  ///
  /// - Parameter peak: as `Optimizer.step(learningRate:peak:)` takes it.
  /// - Throws: ``DistributedError`` when another process was lost.
  public func step(learningRate: Double, peak: Double? = nil) throws {
    optimizer.step(learningRate: learningRate, peak: peak)
    guard let owners else { return }
    for owner in 0..<group.size {
      let owned = zip(parameters, owners).filter { $1 == owner }.map { $0.0.parameter.value.detached() }
      try broadcast(owned, from: owner)
    }
  }

  /// Sends tensors of one type in one message.
  private func broadcast(_ tensors: [Tensor], from root: Int) throws {
    guard !tensors.isEmpty else { return }
    let message = Tensor.concatenate(tensors.map { $0.flattened() })
    try group.broadcast(message, from: root)
    guard root != group.rank else { return }
    var start = 0
    let parts = tensors.map { tensor in
      defer { start += tensor.count }
      return message.narrow(0, start..<start + tensor.count).reshaped(tensor.shape)
    }
    Foreach.copy_(tensors, parts)
  }
}

// MARK: - State

extension DistributedOptimizer {
  /// The state for all parameters, as of an optimizer that keeps it all. Every process must ask.
  ///
  /// - Throws: ``DistributedError`` when another process was lost.
  public func stateDictionary() throws -> [(name: String, tensor: Tensor)] {
    guard let owners else { return optimizer.stateDictionary() }
    let own = Dictionary(uniqueKeysWithValues: optimizer.stateDictionary().map { ($0.name, $0.tensor) })
    return try optimizer.slotNames.flatMap { slot in
      try zip(parameters, owners).map { target, owner in
        let name = "\(slot).\(target.name)"
        let tensor = own[name] ?? Tensor.zeros(like: target.parameter.value.detached())
        try group.broadcast(tensor, from: owner)
        return (name, tensor)
      }
    }
  }

  /// Confirms that a state is of an optimizer of this kind for the same model.
  ///
  /// - Throws: `TorchError` when it is of another.
  public func confirmFits(_ state: [String: Tensor]) throws {
    let expected = optimizer.slotNames.flatMap { slot in
      parameters.map { ("\(slot).\($0.name)", $0.parameter.value.shape) }
    }
    guard Set(expected.map(\.0)) == Set(state.keys) else {
      throw TorchError("the optimizer's state does not fit: it is of another optimizer or model")
    }
    for (name, shape) in expected where shape != state[name]!.shape {
      throw TorchError("the optimizer's state does not fit: \(name) is \(state[name]!.shape), expected \(shape)")
    }
  }

  /// Takes over a state that the first process has and found to fit. Every process must ask.
  ///
  /// - Parameter state: as ``stateDictionary()`` gave it; only that of the first process counts.
  /// - Throws: ``DistributedError`` when another process was lost.
  public func load(_ state: [String: Tensor], stepCount: Int) throws {
    var own: [String: Tensor] = [:]
    for slot in optimizer.slotNames {
      for (index, target) in parameters.enumerated() {
        let name = "\(slot).\(target.name)"
        let value = target.parameter.value.detached()
        let tensor = Tensor.zeros(like: value)
        if group.rank == 0 { tensor.copy_(state[name]!) }
        try group.broadcast(tensor)
        if owners == nil || owners![index] == group.rank { own[name] = tensor }
      }
    }
    try optimizer.load(own, stepCount: stepCount)
  }
}
