import Torch

/// Convolution over `[N, C, H, W]`, without bias unless asked, since in ResNets BatchNorm follows.
public final class Conv2d: Module {
  /// `[outputChannels, inputChannels / groups, kernelSize, kernelSize]`
  public let weight: Parameter
  /// `[outputChannels]`, nil without bias.
  public let bias: Parameter?
  public let stride: Int
  public let padding: Int
  /// Parts that input and output channels are divided into, each convolved for itself.
  public let groups: Int

  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    bias: Bool = false, generator: Generator
  ) {
    precondition(
      inputChannels.isMultiple(of: groups) && outputChannels.isMultiple(of: groups),
      "Conv2d: \(inputChannels) and \(outputChannels) channels do not divide into \(groups) groups")
    let shape = [outputChannels, inputChannels / groups, kernelSize, kernelSize]
    weight = Parameter(Initialiser.kaimingNormal(shape, generator: generator))
    let fanIn = shape.dropFirst().reduce(1, *)
    self.bias =
      bias ? Parameter(Initialiser.uniform([outputChannels], fanIn: fanIn, generator: generator), role: .bias) : nil
    self.stride = stride
    self.padding = padding
    self.groups = groups
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.conv2d(
      input, weight: weight.value, bias: bias?.value, stride: stride, padding: padding, groups: groups)
  }
}

/// Fully connected layer: `[N, I]` to `[N, O]`.
public final class Linear: Module {
  /// `[O, I]`
  public let weight: Parameter
  /// `[O]`, nil without bias.
  public let bias: Parameter?

  public init(_ inputFeatures: Int, _ outputFeatures: Int, bias: Bool = true, generator: Generator) {
    weight = Parameter(
      Initialiser.uniform([outputFeatures, inputFeatures], fanIn: inputFeatures, generator: generator))
    self.bias =
      bias
      ? Parameter(Initialiser.uniform([outputFeatures], fanIn: inputFeatures, generator: generator), role: .bias) : nil
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.linear(input, weight: weight.value, bias: bias?.value)
  }
}

/// Normalises each channel by the batch's statistics in training and by running ones in evaluation (Ioffe and Szegedy
/// 2015). Input `[N, C]` or `[N, C, H, W]`.
open class BatchNorm: Module {
  /// The scale, `[C]`, at first 1.
  public let weight: Parameter
  /// The shift, `[C]`, at first 0.
  public let bias: Parameter
  /// `[C]`
  public let runningMean: Buffer
  /// `[C]`, with Bessel's correction.
  public let runningVar: Buffer
  /// How many batches the running statistics have seen: int64, no dimensions.
  public let numBatchesTracked: Buffer
  /// Normalises by statistics of more than this input when training; nil: by the input's own.
  public final var normalization: (any SharedBatchNormalization)?
  /// Whether training moves the running statistics.
  public final var tracksRunningStatistics = true

  /// How far a batch moves the running statistics towards its own, 0…1.
  public final let momentum: Double
  /// What is added to variances.
  public final let epsilon: Double

  /// PyTorch's defaults.
  public init(_ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5) {
    (self.momentum, self.epsilon) = (momentum, epsilon)
    weight = Parameter(Tensor.ones([channels]), role: .normalization)
    bias = Parameter(Tensor.zeros([channels]), role: .normalization)
    runningMean = Buffer(Tensor.zeros([channels]))
    runningVar = Buffer(Tensor.ones([channels]))
    numBatchesTracked = Buffer(Tensor.zeros([], dtype: .int64))
  }

  public final override func callAsFunction(_ input: Tensor) -> Tensor { callAsFunction(input, relu: false) }

  /// The normalised input, plus `residual` of its shape, and of that with `relu` what is above 0: max(y + residual, 0).
  /// Where statistics are shared, that takes one pass over memory more than the sums, and so does the gradient.
  ///
  /// The result must not be changed in place: the gradient of `relu` is read from it.
  open func callAsFunction(_ input: Tensor, adding residual: Tensor? = nil, relu: Bool) -> Tensor {
    guard let normalization, isTraining else {
      var output = normalizedByOwnStatistics(input)
      if let residual { output = output.add_(residual) }
      return relu ? output.relu_() : output
    }
    if tracksRunningStatistics { numBatchesTracked.value.add_(1) }
    return normalization(input, adding: residual, relu: relu, in: self)
  }

  private func normalizedByOwnStatistics(_ input: Tensor) -> Tensor {
    let tracks = tracksRunningStatistics || !isTraining
    if isTraining && tracks { numBatchesTracked.value.add_(1) }
    return Functional.batchNorm(
      input, weight: weight.value, bias: bias.value, runningMean: tracks ? runningMean.value : nil,
      runningVariance: tracks ? runningVar.value : nil, training: isTraining, momentum: momentum, epsilon: epsilon)
  }
}

/// How ``BatchNorm`` trains on statistics that are not of its input alone, but shared with other processes.
public protocol SharedBatchNormalization: Sendable {
  /// Normalises `input` `[N, C, …]`, adds `residual`, cuts below 0 with `relu`, and moves the layer's running statistics if
  /// it tracks them.
  func callAsFunction(_ input: Tensor, adding residual: Tensor?, relu: Bool, in layer: BatchNorm) -> Tensor
}

extension Module {
  /// The layers of batch normalisation in this module, in the order of declaration.
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

/// max(x, 0)
public final class ReLU: Module {
  public override func callAsFunction(_ input: Tensor) -> Tensor { input.relu() }
}

/// The largest value of each window of `[N, C, H, W]`.
public final class MaxPool2d: Module {
  public let kernelSize: Int
  public let stride: Int
  public let padding: Int

  public init(kernelSize: Int, stride: Int, padding: Int) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.maxPool2d(input, kernelSize: kernelSize, stride: stride, padding: padding)
  }
}

extension [Module] {
  /// Computes the modules one after another; a ``BatchNorm`` and the ``ReLU`` after it in one pass.
  public func callAsFunction(_ input: Tensor) -> Tensor {
    var (output, rest) = (input, self[...])
    while let module = rest.popFirst() {
      if let norm = module as? BatchNorm, rest.first is ReLU {
        output = norm(output, relu: true)
        rest.removeFirst()
      } else {
        output = module(output)
      }
    }
    return output
  }
}
