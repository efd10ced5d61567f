import Torch

/// A parameter as an optimizer sees it.
public struct OptimizedParameter {
  /// The name in the model's state dictionary.
  public let name: String
  public let parameter: Parameter
  /// Whether weight decay pulls it, and whether LARS adapts its rate. SimCLR leaves out biases and the scales and
  /// shifts of BatchNorm (appendix B.9).
  public let isDecayedAndAdapted: Bool
  /// How fast it learns beside the others.
  public let rateRule: LearningRateRule

  public init(
    name: String, parameter: Parameter, isDecayedAndAdapted: Bool, rateRule: LearningRateRule = .scheduled
  ) {
    self.name = name
    self.parameter = parameter
    self.isDecayedAndAdapted = isDecayedAndAdapted
    self.rateRule = rateRule
  }
}

extension Module {
  /// The parameters that an optimizer trains. Weight decay is for weights, unless all are to be decayed.
  ///
  /// - Parameter rateRule: how the learning rate of a parameter follows from that of a step; for all it is the same unless this
  ///   says otherwise.
  public final func optimizedParameters(
    decayBiasAndNorm: Bool, rateRule: (_ name: String, Parameter) -> LearningRateRule = { _, _ in .scheduled }
  ) -> [OptimizedParameter] {
    trainedParameters().map { name, parameter in
      OptimizedParameter(
        name: name, parameter: parameter, isDecayedAndAdapted: decayBiasAndNorm || parameter.role == .weight,
        rateRule: rateRule(name, parameter))
    }
  }
}

/// Changes parameters by their gradients.
///
/// The learning rate comes with every step, since schedules are no business of an optimizer's; a parameter's own may follow from
/// it by its ``OptimizedParameter/rateRule``. A subclass names what it keeps
/// for each parameter and says how to ``update(_:learningRate:)``.
open class Optimizer {
  public final let parameters: [OptimizedParameter]
  /// How many steps were made.
  public private(set) final var stepCount = 0
  fileprivate final var slots: [String: [Tensor]] = [:]
  /// The names of the tensors that are kept for each parameter, in order.
  public final let slotNames: [String]

  /// Places in ``parameters`` of those that a step treats alike.
  private final let kinds: [[Int]]

  /// - Parameter names: the names of the tensors kept for each parameter, at first zeros.
  public init(_ parameters: [OptimizedParameter], slots names: [String]) {
    self.parameters = parameters
    slotNames = names.sorted()
    kinds = Dictionary(grouping: parameters.indices) { Kind(parameters[$0]) }.values.sorted { $0[0] < $1[0] }
    for name in names { slots[name] = parameters.map { Tensor.zeros(like: $0.parameter.value.detached()) } }
  }

  /// What lists of tensors must have in common.
  private struct Kind: Hashable {
    let isDecayedAndAdapted: Bool
    let rateRule: LearningRateRule
    let dtype: DType
    let device: Device

    init(_ target: OptimizedParameter) {
      (isDecayedAndAdapted, rateRule) = (target.isDecayedAndAdapted, target.rateRule)
      (dtype, device) = (target.parameter.value.dtype, target.parameter.value.device)
    }
  }

  /// Makes one step; parameters without a gradient stay as they are.
  ///
  /// - Parameter peak: the most that the learning rate ever is, for parameters whose rate is constant; nil: that of this step.
  public final func step(learningRate: Double, peak: Double? = nil) {
    stepCount += 1
    withoutGradients {
      for kind in kinds {
        let rule = parameters[kind[0]].rateRule
        let targets = Targets(of: self, at: kind)
        let rate = rule.rate(scheduled: learningRate, peak: peak ?? learningRate)
        if !targets.values.isEmpty { update(targets, learningRate: rate) }
      }
    }
  }

  /// Takes the gradients away, so that the next backward pass starts afresh.
  public final func zeroGradients() {
    for target in parameters { target.parameter.value.gradient = nil }
  }

  /// Changes parameters in place; called without gradient recording.
  open func update(_ targets: Targets, learningRate: Double) {
    preconditionFailure("\(type(of: self)) does not say how to update parameters")
  }

  /// Parameters that have gradients and that a step treats alike: one type, one device, all or none decayed and adapted.
  public struct Targets {
    public let values: [Tensor]
    public let gradients: [Tensor]
    public let areDecayedAndAdapted: Bool
    private let optimizer: Optimizer
    private let places: [Int]

    fileprivate init(of optimizer: Optimizer, at kind: [Int]) {
      let found = kind.compactMap { place in
        optimizer.parameters[place].parameter.gradient.map { (place: place, gradient: $0) }
      }
      places = found.map(\.place)
      gradients = found.map(\.gradient)
      values = places.map { optimizer.parameters[$0].parameter.value }
      areDecayedAndAdapted = optimizer.parameters[kind[0]].isDecayedAndAdapted
      self.optimizer = optimizer
    }

    /// What is kept for each parameter under a name.
    public func slot(_ name: String) -> [Tensor] {
      let all = optimizer.slots[name]!
      return places.map { all[$0] }
    }
  }
}

// MARK: - State

extension Optimizer {
  /// What must be kept to go on later as if never stopped: `<slot>.<parameter name>`. The tensors share memory with the
  /// optimizer; the number of steps is ``stepCount``.
  public final func stateDictionary() -> [(name: String, tensor: Tensor)] {
    slotNames.flatMap { slot in
      zip(parameters, slots[slot]!).map { ("\(slot).\($0.name)", $1) }
    }
  }

  /// Takes over the state of an earlier optimizer of the same kind for the same model.
  ///
  /// - Throws: `TorchError` when the state is of another optimizer or model; then nothing was changed.
  public final func load(_ state: [String: Tensor], stepCount: Int) throws {
    let own = stateDictionary()
    guard Set(own.map(\.name)) == Set(state.keys) else {
      throw TorchError("the optimizer's state does not fit: it is of another optimizer or model")
    }
    for (name, tensor) in own where tensor.shape != state[name]!.shape {
      throw TorchError("the optimizer's state does not fit: \(name) is \(state[name]!.shape), expected \(tensor.shape)")
    }
    for (name, tensor) in own { tensor.copy_(state[name]!) }
    self.stepCount = stepCount
  }
}
