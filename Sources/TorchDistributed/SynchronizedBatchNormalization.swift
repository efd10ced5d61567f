import Torch
import TorchNN

/// Batch normalisation by the statistics of all processes of a group (SyncBatchNorm): without it, a network can tell the
/// views of one process from those of another, which leaks which of them belong together.
///
/// Forward and backward make one small exchange each: sums and sums of squares, and two sums of gradients, each `[2, C]`.
/// Sums are float64 and rounded once everything is in them, so that statistics have the same bits, but for rare ties,
/// however many processes and threads share the values. Every process must have as many values a channel.
public struct SynchronizedBatchNormalization: SharedBatchNormalization {
  private let group: ProcessGroup

  /// - Parameter group: the processes that share statistics; all must make the same calls in the same order.
  public init(over group: ProcessGroup) { self.group = group }

  public func callAsFunction(_ input: Tensor, adding residual: Tensor?, relu: Bool, in layer: BatchNorm) -> Tensor {
    let normalizing = DifferentiableOperation { inputs in
      let (input, weight, bias) = (inputs[0], inputs[1], inputs[2])
      let count = group.size * input.count / input.shape[1]
      let sums = Functional.batchNormSums(input)
      group.allReduceOrNaN(sums)
      let (mean, inverseDeviation) = Functional.batchNormStatistics(
        from: sums, count: count, epsilon: layer.epsilon, dtype: weight.dtype,
        moving: layer.tracksRunningStatistics
          ? (layer.runningMean.value, layer.runningVar.value, layer.momentum) : nil)
      let output = Functional.batchNormApply(
        input, mean: mean, inverseDeviation: inverseDeviation, weight: weight, bias: bias,
        adding: residual.map { _ in inputs[3] }, relu: relu)
      return (
        [output],
        { [group, isAdded = residual != nil] gradients in
          // What is kept of the output is what the next layer keeps of its input.
          let kept = relu ? output : nil
          let (sums, weightGradient, biasGradient) = Functional.batchNormGradientSums(
            gradients[0], input: input, output: kept, mean: mean, inverseDeviation: inverseDeviation)
          // Gradients of weight and bias are this process's part of a sum, like those of all parameters; the input's
          // needs the sums over all processes.
          group.allReduceOrNaN(sums)
          let (inputGradient, residualGradient) = Functional.batchNormInputGradients(
            gradients[0], input: input, output: kept, mean: mean, inverseDeviation: inverseDeviation, weight: weight,
            sums: sums, count: count, ofResidual: isAdded)
          return [inputGradient, weightGradient, biasGradient] + (isAdded ? [residualGradient] : [])
        }
      )
    }
    return normalizing([input, layer.weight.value, layer.bias.value] + (residual.map { [$0] } ?? []))[0]
  }
}

extension Module {
  /// Has all layers of batch normalisation train on the statistics of all processes of `group`, which may be this one
  /// alone: statistics are then found in the same way.
  public final func synchronizeBatchNorm(over group: ProcessGroup) {
    for layer in batchNorms() { layer.normalization = SynchronizedBatchNormalization(over: group) }
  }
}
