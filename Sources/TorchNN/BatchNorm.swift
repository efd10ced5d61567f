import Torch

/// Normalizes each channel by the batch's statistics in training and by running ones in evaluation (Ioffe and Szegedy
/// 2015). Input `[N, C]` or `[N, C, H, W]`.
open class BatchNorm: Module {
  /// The scale, `[C]`, at first 1; nil where the layer is not affine.
  public let weight: Parameter?
  /// The shift, `[C]`, at first 0; nil where the layer is not affine.
  public let bias: Parameter?
  /// `[C]`
  public let runningMean: Buffer
  /// `[C]`, with Bessel's correction.
  public let runningVar: Buffer
  /// How many batches the running statistics have seen: int64, no dimensions.
  public let numBatchesTracked: Buffer
  /// Adds what the statistics of a batch are found from over all who share it; nil: the input is the batch.
  public final var statistics: (any SharedStatistics)?
  /// Whether training moves the running statistics.
  public final var tracksRunningStatistics = true

  /// How far a batch moves the running statistics towards its own, 0…1.
  public final let momentum: Double
  /// What is added to variances.
  public final let epsilon: Double

  /// PyTorch's defaults.
  ///
  /// - Parameter affine: whether what was normalised is scaled and shifted; if not, the output has mean 0 and variance 1.
  public init(_ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, affine: Bool = true) {
    (self.momentum, self.epsilon) = (momentum, epsilon)
    weight = affine ? Parameter(Tensor.ones([channels]), role: .normalization) : nil
    bias = affine ? Parameter(Tensor.zeros([channels]), role: .normalization) : nil
    runningMean = Buffer(Tensor.zeros([channels]))
    runningVar = Buffer(Tensor.ones([channels]))
    numBatchesTracked = Buffer(Tensor.zeros([], dtype: .int64))
  }

  public final override func callAsFunction(_ input: Tensor) -> Tensor { callAsFunction(input, relu: false) }

  /// The normalized input, plus `residual` of its shape, and of that with `relu` what is above 0: max(y + residual, 0).
  /// Training takes one pass over memory more than the sums, and so does the gradient, on CPUs and where CUDA kernels of
  /// it are loaded.
  ///
  /// The result must not be changed in place: the gradient of `relu` is read from it.
  open func callAsFunction(_ input: Tensor, adding residual: Tensor? = nil, relu: Bool) -> Tensor {
    if isTraining && tracksRunningStatistics { numBatchesTracked.value.add_(1) }
    if isTraining && (statistics != nil || input.device == .cpu || TorchRuntime.hasBatchNormKernels) {
      return normalizedByExactSums(input, adding: residual, relu: relu)
    }
    var output = normalizedByLibrary(input)
    if let residual { output = output.add_(residual) }
    return relu ? output.relu_() : output
  }

  private func normalizedByLibrary(_ input: Tensor) -> Tensor {
    let tracks = tracksRunningStatistics || !isTraining
    return Functional.batchNorm(
      input, weight: scale, bias: shift, runningMean: tracks ? runningMean.value : nil,
      runningVariance: tracks ? runningVar.value : nil, training: isTraining, momentum: momentum, epsilon: epsilon)
  }

  /// What the normalised input is multiplied by.
  fileprivate final var scale: Tensor {
    weight?.value ?? Tensor.ones(runningVar.value.shape, dtype: runningVar.value.dtype, device: runningVar.value.device)
  }

  /// What is added then.
  fileprivate final var shift: Tensor { bias?.value ?? Tensor.zeros(like: runningMean.value) }

  /// How many channels it has.
  public final var channels: Int { runningMean.value.count }
}

// MARK: - Training

/// How processes share the statistics of ``BatchNorm`` (SyncBatchNorm): without it, a network can tell the views of one
/// process from those of another, which leaks which of them belong together.
public protocol SharedStatistics: Sendable {
  /// Processes that have as many values a channel each.
  var size: Int { get }

  /// Adds a small tensor up over all of them, in place. Where that fails it becomes NaN, for networks cannot throw.
  func allReduceOrNaN(_ tensor: Tensor)
}

extension BatchNorm {
  /// Sums are float64 and rounded once everything is in them, so that statistics have the same bits, but for rare ties,
  /// however many processes and threads share the values. Shared, forward and backward make one small exchange each: sums and sums
  /// of squares, and two sums of gradients, each `[2, C]`.
  private func normalizedByExactSums(_ input: Tensor, adding residual: Tensor?, relu: Bool) -> Tensor {
    let normalizing = DifferentiableOperation { [self] inputs in
      let (input, weight, bias) = (inputs[0], inputs[1], inputs[2])
      let count = (statistics?.size ?? 1) * input.count / input.shape[1]
      let sums = Functional.batchNormSums(input)
      statistics?.allReduceOrNaN(sums)
      let (mean, inverseDeviation) = Functional.batchNormStatistics(
        from: sums, count: count, epsilon: epsilon, dtype: weight.dtype,
        moving: tracksRunningStatistics ? (runningMean.value, runningVar.value, momentum) : nil)
      let output = Functional.batchNormApply(
        input, mean: mean, inverseDeviation: inverseDeviation, weight: weight, bias: bias,
        adding: residual.map { _ in inputs[3] }, relu: relu)
      return (
        [output],
        { [statistics, isAdded = residual != nil] gradients in
          // What is kept of the output is what the next layer keeps of its input.
          let kept = relu ? output : nil
          let (sums, weightGradient, biasGradient) = Functional.batchNormGradientSums(
            gradients[0], input: input, output: kept, mean: mean, inverseDeviation: inverseDeviation)
          // Gradients of weight and bias are this process's part of a sum, like those of all parameters; the input's
          // needs the sums over all processes.
          statistics?.allReduceOrNaN(sums)
          let (inputGradient, residualGradient) = Functional.batchNormInputGradients(
            gradients[0], input: input, output: kept, mean: mean, inverseDeviation: inverseDeviation, weight: weight,
            sums: sums, count: count, ofResidual: isAdded)
          return [inputGradient, weightGradient, biasGradient] + (isAdded ? [residualGradient] : [])
        }
      )
    }
    return normalizing([input, scale, shift] + (residual.map { [$0] } ?? []))[0]
  }
}

extension Module {
  /// The layers of batch normalization in this module, in the order of declaration.
  public final func batchNorms() -> [BatchNorm] { submodules().compactMap { $0 as? BatchNorm } }
}

/// ``BatchNorm`` over images `[N, C, H, W]`.
public final class BatchNorm2d: BatchNorm {
  public override func callAsFunction(_ input: Tensor, adding residual: Tensor? = nil, relu: Bool) -> Tensor {
    precondition(input.rank == 4, "BatchNorm2d: expected [N, C, H, W], got \(input.shape)")
    return super.callAsFunction(input, adding: residual, relu: relu)
  }
}

/// ``BatchNorm`` over vectors `[N, C]`.
public final class BatchNorm1d: BatchNorm {
  public override func callAsFunction(_ input: Tensor, adding residual: Tensor? = nil, relu: Bool) -> Tensor {
    precondition(input.rank == 2, "BatchNorm1d: expected [N, C], got \(input.shape)")
    return super.callAsFunction(input, adding: residual, relu: relu)
  }
}
