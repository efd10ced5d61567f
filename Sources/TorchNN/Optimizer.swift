import Torch

/// A parameter as an optimizer sees it.
public struct OptimizedParameter {
  /// The name in the model's state dictionary.
  public let name: String
  public let parameter: Parameter
  /// Whether weight decay pulls it, and whether LARS adapts its rate. SimCLR leaves out biases and the scales and
  /// shifts of BatchNorm (appendix B.9).
  public let isDecayedAndAdapted: Bool

  public init(name: String, parameter: Parameter, isDecayedAndAdapted: Bool) {
    self.name = name
    self.parameter = parameter
    self.isDecayedAndAdapted = isDecayedAndAdapted
  }
}

extension Module {
  /// All parameters for an optimizer. Those of one dimension are biases or belong to BatchNorm.
  public final func optimizedParameters(decayBiasAndNorm: Bool) -> [OptimizedParameter] {
    namedParameters().map { name, parameter in
      OptimizedParameter(
        name: name, parameter: parameter, isDecayedAndAdapted: decayBiasAndNorm || parameter.value.rank > 1)
    }
  }
}

/// Changes parameters by their gradients.
///
/// The learning rate comes with every step, since schedules are no business of an optimizer's.
open class Optimizer {
  public final let parameters: [OptimizedParameter]
  /// How many steps were made.
  public private(set) final var stepCount = 0
  private final var slots: [String: [Tensor]] = [:]
  /// The names of the tensors that are kept for each parameter, in order.
  public final let slotNames: [String]

  /// - Parameter slots: the names of the tensors kept for each parameter, at first zeros.
  init(_ parameters: [OptimizedParameter], slots names: [String]) {
    self.parameters = parameters
    slotNames = names.sorted()
    for name in names { slots[name] = parameters.map { Tensor.zeros(like: $0.parameter.value.detached()) } }
  }

  /// Makes one step; parameters without a gradient stay as they are.
  public final func step(learningRate: Double) {
    stepCount += 1
    withoutGradients {
      for (index, target) in parameters.enumerated() {
        guard let gradient = target.parameter.gradient else { continue }
        update(target, gradient: gradient, index: index, learningRate: learningRate)
      }
    }
  }

  /// Takes the gradients away, so that the next backward pass starts afresh.
  public final func zeroGradients() {
    for target in parameters { target.parameter.value.gradient = nil }
  }

  /// Changes one parameter in place; called without gradient recording.
  func update(_ target: OptimizedParameter, gradient: Tensor, index: Int, learningRate: Double) {
    preconditionFailure("\(type(of: self)) does not say how to update a parameter")
  }

  final func slot(_ name: String, _ index: Int) -> Tensor { slots[name]![index] }
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
  /// - Throws: ``TorchError`` when the state is of another optimizer or model; then nothing was changed.
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

/// Scales all gradients down together so that their joint Euclidean norm is at most `maximumNorm`, and returns the norm
/// they had (`torch.nn.utils.clip_grad_norm_`).
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], maximumNorm: Double) -> Tensor {
  let gradients = parameters.compactMap(\.gradient)
  guard !gradients.isEmpty else { return Tensor.zeros([]) }
  return withoutGradients {
    let total = Tensor.stack(gradients.map { $0.norm() }).norm()
    let scale = (Tensor.full([], maximumNorm, device: total.device) / (total + 1e-6)).clamp(0...1)
    for gradient in gradients { gradient.mul_(scale) }
    return total
  }
}
