import CTorch

// MARK: - Gradients

extension Tensor {
  /// Whether operations on this tensor are recorded, so that gradients can flow back to it.
  public var requiresGradient: Bool { ctorch_tensor_requires_gradient(handle) }

  /// Makes a leaf collect its gradient, or stop to.
  @discardableResult public func requireGradient(_ required: Bool = true) -> Tensor {
    check(ctorch_tensor_set_requires_gradient(handle, required), "requireGradient", self)
    return self
  }

  /// The gradient collected by a leaf, nil before the first `backward`.
  public var gradient: Tensor? {
    get {
      var result: OpaquePointer?
      check(ctorch_tensor_gradient(handle, &result), "gradient", self)
      return result.map(Tensor.init(owning:))
    }
    set { check(ctorch_tensor_set_gradient(handle, newValue?.handle), "gradient", self, newValue) }
  }

  /// Adds the derivative of this tensor to the gradient of every leaf it was computed from.
  ///
  /// - Parameter gradient: the derivative of the final scalar with respect to this tensor; may be left out for a scalar.
  public func backward(_ gradient: Tensor? = nil) {
    check(ctorch_tensor_backward(handle, gradient?.handle), "backward", self, gradient)
  }

  /// The derivatives of this tensor, weighted by `gradient` of its shape, with respect to tensors that it was computed
  /// from; nil for those it does not depend on. Unlike ``backward(_:)`` it adds nothing to the gradients of leaves.
  public func gradients(of inputs: [Tensor], weightedBy gradient: Tensor) -> [Tensor?] {
    var results = [OpaquePointer?](repeating: nil, count: inputs.count)
    let status = withExtendedLifetime(inputs) {
      ctorch_tensor_gradients_of_inputs(
        handle, gradient.handle, inputs.map { $0.handle }, Int32(inputs.count), &results)
    }
    check(status, "gradients", self, gradient)
    return results.map { $0.map(Tensor.init(owning:)) }
  }

  /// The same numbers, cut from the graph.
  public func detached() -> Tensor { .make("detached", self) { ctorch_tensor_detach(handle, $0) } }
}

/// Whether operations on this thread are recorded.
public var gradientsAreRecorded: Bool { ctorch_gradients_enabled() }

/// Runs `body` without recording operations on this thread.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recordingGradients(false, body)
}

/// Runs `body` with operations on this thread recorded, also within ``withoutGradients(_:)``.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recordingGradients(true, body)
}

private func recordingGradients<Result>(_ isOn: Bool, _ body: () throws -> Result) rethrows -> Result {
  let before = ctorch_gradients_enabled()
  ctorch_set_gradients_enabled(isOn)
  defer { ctorch_set_gradients_enabled(before) }
  return try body()
}

// MARK: - Operations of one's own

/// A differentiable operation written in Swift: `forward` computes the outputs without recording, `backward` turns the
/// gradients of the outputs into those of the inputs, nil where an input has none.
///
/// What `backward` needs it captures in its closure: inputs and intermediate results, never the outputs that calling the
/// operation returns, which would keep themselves alive.
public struct DifferentiableOperation {
  public typealias Backward = @Sendable (_ outputGradients: [Tensor]) -> [Tensor?]

  private let forward: (_ inputs: [Tensor]) -> (outputs: [Tensor], backward: Backward)

  /// - Parameter forward: computes the outputs from the inputs and says how gradients flow back.
  public init(_ forward: @escaping (_ inputs: [Tensor]) -> (outputs: [Tensor], backward: Backward)) {
    self.forward = forward
  }

  /// Computes the outputs and connects them with the inputs in the graph.
  public func callAsFunction(_ inputs: Tensor...) -> [Tensor] { self(inputs) }

  /// The same for inputs whose number is known only when the program runs.
  public func callAsFunction(_ inputs: [Tensor]) -> [Tensor] {
    let (outputs, backward) = withoutGradients { forward(inputs.map { $0.detached() }) }
    let context = Unmanaged.passRetained(BackwardBox(backward)).toOpaque()
    var results = [OpaquePointer?](repeating: nil, count: outputs.count)
    let status = withExtendedLifetime((inputs, outputs)) {
      ctorch_autograd_connect(
        inputs.map { $0.handle }, Int32(inputs.count), outputs.map { $0.handle }, Int32(outputs.count),
        callBackward, context, { Unmanaged<BackwardBox>.fromOpaque($0!).release() }, &results)
    }
    check(status, "DifferentiableOperation", inputs.first)
    return results.map { Tensor(owning: $0!) }
  }
}

private final class BackwardBox {
  let backward: DifferentiableOperation.Backward
  init(_ backward: @escaping DifferentiableOperation.Backward) { self.backward = backward }
}

/// What libtorch calls when gradients reach an operation of ours. The output gradients are borrowed, hence detached.
private func callBackward(
  _ context: UnsafeMutableRawPointer?, _ outputGradients: UnsafePointer<OpaquePointer?>?, _ outputCount: Int32,
  _ inputGradients: UnsafeMutablePointer<OpaquePointer?>?, _ inputCount: Int32
) -> ctorch_status {
  let box = Unmanaged<BackwardBox>.fromOpaque(context!).takeUnretainedValue()
  let gradients = (0..<Int(outputCount)).map { index in
    Tensor.make("backward") { ctorch_tensor_detach(outputGradients![index], $0) }
  }
  let results = withoutGradients { box.backward(gradients) }
  precondition(
    results.count == Int(inputCount),
    "DifferentiableOperation: \(inputCount) inputs, but backward gave \(results.count) gradients")
  for (index, result) in results.enumerated() {
    guard let result else { continue }
    inputGradients![index] = Tensor.result(of: "backward", [result]) { ctorch_tensor_detach(result.handle, $0) }
  }
  return Int32(CTORCH_OK)
}
