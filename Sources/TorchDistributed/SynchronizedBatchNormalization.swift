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

  public func callAsFunction(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Double)
    -> (output: Tensor, mean: Tensor, unbiasedVariance: Tensor)
  {
    let count = Double(group.size * input.count / input.shape[1])
    let (mean, variance) = withoutGradients { statistics(of: input.detached(), count: count, dtype: weight.dtype) }
    let normalizing = DifferentiableOperation { inputs in
      let (input, weight, bias) = (inputs[0], inputs[1], inputs[2])
      let output = Functional.batchNorm(
        input, weight: weight, bias: bias, runningMean: mean, runningVariance: variance, training: false, momentum: 0,
        epsilon: epsilon)
      return (
        [output],
        { gradients in
          inputGradients(
            gradients[0], input: input, weight: weight, mean: mean, inverseDeviation: (variance + epsilon).pow(-0.5),
            count: count)
        }
      )
    }
    let unbiased = variance * (count / Swift.max(count - 1, 1))
    return (normalizing(input, weight, bias)[0], mean, unbiased)
  }

  /// Mean and (biased) variance over all processes, `[C]`.
  private func statistics(of input: Tensor, count: Double, dtype: DType) -> (mean: Tensor, variance: Tensor) {
    let sums = Functional.batchNormSums(input)
    group.allReduceOrNaN(sums)
    let moments = sums * (1 / count)
    let mean = moments.select(0, 0)
    let variance = (moments.select(0, 1) - mean.pow(2)).clamp(0...(.infinity))
    return (mean.to(dtype), variance.to(dtype))
  }

  /// The gradients of input, weight and bias. Those of weight and bias are this process's part of a sum, like those of all
  /// parameters; the input's needs the sums over all processes.
  private func inputGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, mean: Tensor, inverseDeviation: Tensor, count: Double
  ) -> [Tensor] {
    let own = Functional.batchNormGradientSums(gradient, input: input, mean: mean)
    let all = own.clone()
    group.allReduceOrNaN(all)
    let means = (all * (1 / count)).to(weight.dtype)
    let scale = weight * inverseDeviation
    let inputGradient = Functional.batchNormInputGradient(
      gradient, input: input, mean: mean, gradientScale: scale,
      inputScale: -(scale * inverseDeviation.pow(2) * means.select(0, 1)), shift: -(scale * means.select(0, 0)))
    let parts = own.to(weight.dtype)
    return [inputGradient, parts.select(0, 1) * inverseDeviation, parts.select(0, 0)]
  }
}

extension Module {
  /// Has all layers of batch normalisation train on the statistics of all processes of `group`, which may be this one
  /// alone: statistics are then found in the same way.
  public final func synchronizeBatchNorm(over group: ProcessGroup) {
    for layer in batchNorms() { layer.normalization = SynchronizedBatchNormalization(over: group) }
  }
}
