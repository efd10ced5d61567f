// PyTorch marks what changes its tensors by a trailing underscore.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CTorch

/// Operations on many tensors at once, as `torch._foreach_*`: a few launches on a CUDA device do for all of them, where
/// each would need its own. Lists have as many tensors as each other, at least one, of one type on one device.
public enum Foreach {
  /// The Euclidean norm of each tensor: `[K]` for K tensors.
  public static func norms(_ tensors: [Tensor]) -> Tensor {
    var norms: OpaquePointer?
    call("Foreach.norms", tensors) { ctorch_foreach_norm($0[0], $1, &norms) }
    return Tensor(owning: norms!)
  }

  /// The Euclidean norm of all tensors together: float64, no dimensions. It is finite where every element is, unless the
  /// norm of one tensor is more than its type holds.
  public static func jointNorm(_ tensors: [Tensor]) -> Tensor { norms(tensors).to(.float64).norm() }

  /// tensors + alpha · others
  public static func add(_ tensors: [Tensor], _ others: [Tensor], alpha: Double = 1) -> [Tensor] {
    var sums = [OpaquePointer?](repeating: nil, count: tensors.count)
    call("Foreach.add", tensors, others) { ctorch_foreach_add($0[0], $0[1], $1, alpha, &sums) }
    return sums.map { Tensor(owning: $0!) }
  }

  /// tensors += alpha · others
  public static func add_(_ tensors: [Tensor], _ others: [Tensor], alpha: Double = 1) {
    call("Foreach.add_", tensors, others) { ctorch_foreach_add_($0[0], $0[1], $1, alpha) }
  }

  /// tensors += factors · others, with one factor for each pair: `factors` is `[K]`.
  public static func add_(_ tensors: [Tensor], _ others: [Tensor], scaledBy factors: Tensor) {
    call("Foreach.add_", tensors, others) { ctorch_foreach_add_scaled_($0[0], $0[1], $1, factors.handle) }
  }

  /// tensors *= factor
  public static func mul_(_ tensors: [Tensor], _ factor: Double) {
    call("Foreach.mul_", tensors) { ctorch_foreach_mul_scalar_($0[0], $1, factor) }
  }

  /// Copies the elements of each source into the tensor at its place, which keeps its memory.
  public static func copy_(_ tensors: [Tensor], _ sources: [Tensor]) {
    call("Foreach.copy_", tensors, sources) { ctorch_foreach_copy_($0[0], $0[1], $1) }
  }

  /// Hands lists to an operation of the C ABI, with the number of tensors in each.
  private static func call(
    _ operation: StaticString, _ lists: [Tensor]...,
    body: (_ lists: [[OpaquePointer?]], _ count: Int32) -> ctorch_status
  ) {
    let count = lists[0].count
    precondition(
      count > 0 && lists.allSatisfy { $0.count == count },
      "\(operation): expected lists of as many tensors, got \(lists.map(\.count))")
    let status = withExtendedLifetime(lists) { body(lists.map { $0.map { $0.handle } }, Int32(count)) }
    check(status, operation, lists[0][0])
  }
}

// MARK: - Updates of parameters

extension Foreach {
  /// Changes parameters as `torch.optim.SGD` without dampening does, in one pass over each.
  ///
  /// - Parameter velocities: at first zeros, in the memory order of the parameters; nil where `momentum` is 0.
  public static func stepSGD(
    _ parameters: [Tensor], gradients: [Tensor], velocities: [Tensor]?, learningRate: Double, momentum: Double,
    weightDecay: Double, nesterov: Bool
  ) {
    call("Foreach.stepSGD", parameters, gradients, velocities ?? parameters) {
      ctorch_sgd_step($0[0], $0[1], $0[2], $1, learningRate, velocities == nil ? 0 : momentum, weightDecay, nesterov)
    }
  }

  /// Changes parameters as `torch.optim.Adam` does, or `torch.optim.AdamW` where `decouplesDecay`, in one pass over each.
  ///
  /// - Parameters:
  ///   - means: of gradients; at first zeros, in the memory order of the parameters.
  ///   - squares: means of squared gradients, likewise.
  ///   - step: the number of this step, from 1.
  public static func stepAdam(
    _ parameters: [Tensor], gradients: [Tensor], means: [Tensor], squares: [Tensor], step: Int, learningRate: Double,
    betas: (Double, Double), epsilon: Double, weightDecay: Double, decouplesDecay: Bool
  ) {
    call("Foreach.stepAdam", parameters, gradients, means, squares) {
      ctorch_adam_step(
        $0[0], $0[1], $0[2], $0[3], $1, Int64(step), learningRate, betas.0, betas.1, epsilon, weightDecay,
        decouplesDecay)
    }
  }
}
