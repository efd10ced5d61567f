import Torch

/// A part of a network: parameters, buffers and other modules as stored properties, and a call that computes.
///
/// Names follow from the properties, in PyTorch's spelling: the property `runningMean` of the property `bn1` is
/// `bn1.running_mean`, the third element of the array `layer1` is `layer1.2`.
open class Module {
  /// Whether the call computes as in training (batch statistics) or as in evaluation.
  public private(set) final var isTraining = true
  private final var evaluatesAlways = false
  /// Whether its parameters were frozen together (``freeze()``).
  public private(set) final var isFrozen = false

  public init() {}

  /// Computes the output for `input`.
  open func callAsFunction(_ input: Tensor) -> Tensor {
    preconditionFailure("\(type(of: self)) does not say how to compute its output")
  }

  /// Sets this module and all within it to training, or to evaluation.
  public final func train(_ training: Bool = true) {
    visit { module, _ in module.isTraining = training && !module.evaluatesAlways }
  }

  /// Sets this module and all within it to evaluation.
  public final func evaluate() { train(false) }

  /// Sets this module and all within it to evaluation for good, whatever ``train(_:)`` says of what they are a part of.
  public final func evaluateAlways() {
    visit { module, _ in (module.isTraining, module.evaluatesAlways) = (false, true) }
  }
}

/// Modules that compute one after another; their names are their numbers.
public final class Sequential: Module {
  public let modules: [Module]

  public init(_ modules: [Module]) { self.modules = modules }

  public override func callAsFunction(_ input: Tensor) -> Tensor { modules(input) }
}

/// A tensor that training changes by its gradient, unless it is frozen.
public final class Parameter {
  /// What a parameter is to its layer, which decides how optimizers treat it.
  public enum Role: Sendable {
    /// What inputs are multiplied by.
    case weight
    case bias
    /// The scale or shift of a normalization.
    case normalization
    /// Where in an image a part of it lies.
    case position
    /// An input of the network that is learned.
    case token
  }

  public fileprivate(set) var value: Tensor
  public let role: Role
  /// Whether it has no gradient, so that no optimizer changes it.
  public fileprivate(set) var isFrozen = false

  public init(_ value: Tensor, role: Role = .weight) {
    (self.value, self.role) = (value.requireGradient(), role)
  }

  public var gradient: Tensor? { value.gradient }

  /// Takes the gradient away for good: the parameter stays what it is, or becomes what others make it.
  public func freeze() {
    isFrozen = true
    value = value.detached()
  }
}

/// A tensor that belongs to a module's state but has no gradient, such as a running mean.
public final class Buffer {
  public fileprivate(set) var value: Tensor

  public init(_ value: Tensor) { self.value = value }
}

// MARK: - Where a module lies

extension Module {
  /// Moves all parameters and buffers to a device, those of floating point to another type if one is given, and
  /// convolution weights into channels-last memory order if asked. Do so before an optimizer takes the parameters;
  /// gradients are left behind.
  public final func move(to device: Device, dtype: DType? = nil, channelsLast: Bool = false) {
    func moved(_ tensor: Tensor) -> Tensor {
      let there = tensor.to(device: device)
      guard let dtype, there.dtype.isFloatingPoint else { return there }
      return there.to(dtype)
    }
    visit { module, _ in
      for (_, member) in module.ownMembers() {
        if let buffer = member as? Buffer { buffer.value = moved(buffer.value) }
        guard let parameter = member as? Parameter else { continue }
        let value = moved(parameter.value.detached())
        let isConvolution = channelsLast && value.rank == 4
        parameter.value = (isConvolution ? value.channelsLast() : value).requireGradient(!parameter.isFrozen)
      }
    }
  }
}

// MARK: - Walking through a module

extension Module {
  /// All parameters with their names, in the order of declaration.
  public final func namedParameters() -> [(name: String, parameter: Parameter)] {
    var found: [(name: String, parameter: Parameter)] = []
    visit { module, prefix in
      for case (let name, let parameter as Parameter) in module.ownMembers() {
        found.append((prefix + name, parameter))
      }
    }
    return found
  }

  /// All parameters in the order of declaration.
  public final func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

  /// The parameters that are not frozen, with their names, in the order of declaration.
  public final func trainedParameters() -> [(name: String, parameter: Parameter)] {
    namedParameters().filter { !$0.parameter.isFrozen }
  }

  /// Takes the gradients of all parameters away for good: they stay what they are, or become what others make them.
  public final func freeze() {
    visit { module, _ in module.isFrozen = true }
    for parameter in parameters() { parameter.freeze() }
  }

  /// This module and all within it, in the order of declaration.
  public final func submodules() -> [Module] {
    var found: [Module] = []
    visit { module, _ in found.append(module) }
    return found
  }

  /// Parameters and buffers with their names, in PyTorch's order: the state that a checkpoint holds. The tensors share
  /// memory with the module.
  public final func stateDictionary() -> [(name: String, tensor: Tensor)] {
    var found: [(name: String, tensor: Tensor)] = []
    visit { module, prefix in
      for (name, member) in module.ownMembers() {
        if let parameter = member as? Parameter { found.append((prefix + name, parameter.value.detached())) }
        if let buffer = member as? Buffer { found.append((prefix + name, buffer.value)) }
      }
    }
    return found
  }

  /// Copies `state` into the parameters and buffers of the same names.
  ///
  /// - Throws: `TorchError` that names what is missing, unexpected or of another shape; then nothing was copied.
  public final func load(_ state: [String: Tensor]) throws {
    let own = stateDictionary()
    let missing = own.map(\.name).filter { state[$0] == nil }
    let unexpected = Set(state.keys).subtracting(own.map(\.name)).sorted()
    guard missing.isEmpty, unexpected.isEmpty else {
      throw TorchError(
        "the weights do not fit the model: \(Self.list("missing", missing))\(missing.isEmpty || unexpected.isEmpty ? "" : ", ")"
          + Self.list("unexpected", unexpected))
    }
    for (name, tensor) in own where tensor.shape != state[name]!.shape {
      throw TorchError("the weights do not fit the model: \(name) is \(state[name]!.shape), expected \(tensor.shape)")
    }
    withoutGradients { for (name, tensor) in own { tensor.copy_(state[name]!) } }
  }

  private static func list(_ title: String, _ names: [String]) -> String {
    guard !names.isEmpty else { return "" }
    let shown = 3
    return
      "\(title) \(names.prefix(shown).joined(separator: ", "))\(names.count > shown ? " and \(names.count - shown) more" : "")"
  }

  /// Calls `body` with this module and all within it, each with the prefix of its members' names.
  private func visit(prefix: String = "", _ body: (_ module: Module, _ prefix: String) -> Void) {
    body(self, prefix)
    for (name, member) in ownMembers() {
      if let module = member as? Module { module.visit(prefix: "\(prefix)\(name).", body) }
    }
  }

  /// Parameters, buffers and modules that are stored properties of this very module; elements of arrays by number.
  private func ownMembers() -> [(name: String, member: AnyObject)] {
    if let sequence = self as? Sequential { return sequence.modules.enumerated().map { ("\($0.offset)", $0.element) } }
    var mirrors: [Mirror] = []
    var mirror: Mirror? = Mirror(reflecting: self)
    while let current = mirror {
      mirrors.insert(current, at: 0)
      mirror = current.superclassMirror
    }
    return mirrors.flatMap(\.children).flatMap { child -> [(name: String, member: AnyObject)] in
      guard let label = child.label else { return [] }
      let name = label.snakeCased
      switch child.value {
      case let module as Module: return [(name, module)]
      case let parameter as Parameter: return [(name, parameter)]
      case let buffer as Buffer: return [(name, buffer)]
      case let modules as [Module]: return modules.enumerated().map { ("\(name).\($0.offset)", $0.element) }
      default: return []
      }
    }
  }
}

extension String {
  /// `runningMean` as `running_mean`.
  fileprivate var snakeCased: String {
    reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
  }
}
