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
    bias: Bool = false, firstValues: Initializer.Choice = .kaimingNormal, generator: Generator
  ) {
    precondition(
      inputChannels.isMultiple(of: groups) && outputChannels.isMultiple(of: groups),
      "Conv2d: \(inputChannels) and \(outputChannels) channels do not divide into \(groups) groups")
    let shape = [outputChannels, inputChannels / groups, kernelSize, kernelSize]
    weight = Parameter(firstValues.weight(shape, generator: generator))
    self.bias = bias ? Parameter(firstValues.bias(shape, generator: generator), role: .bias) : nil
    self.stride = stride
    self.padding = padding
    self.groups = groups
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.conv2d(
      input, weight: weight.value, bias: bias?.value, stride: stride, padding: padding, groups: groups)
  }
}

/// Fully connected layer: `[…, I]` to `[…, O]`.
public final class Linear: Module {
  /// `[O, I]`
  public let weight: Parameter
  /// `[O]`, nil without bias.
  public let bias: Parameter?

  public init(
    _ inputFeatures: Int, _ outputFeatures: Int, bias: Bool = true, firstValues: Initializer.Choice = .uniform,
    generator: Generator
  ) {
    let shape = [outputFeatures, inputFeatures]
    weight = Parameter(firstValues.weight(shape, generator: generator))
    self.bias = bias ? Parameter(firstValues.bias(shape, generator: generator), role: .bias) : nil
  }

  public override func callAsFunction(_ input: Tensor) -> Tensor {
    Functional.linear(input, weight: weight.value, bias: bias?.value)
  }
}

/// max(x, 0)
public final class ReLU: Module {
  public override func callAsFunction(_ input: Tensor) -> Tensor { input.relu() }
}

/// x · Φ(x), Φ being the normal distribution.
public final class GELU: Module {
  public override func callAsFunction(_ input: Tensor) -> Tensor { input.gelu() }
}

/// x / (1 + exp(−x))
public final class SiLU: Module {
  public override func callAsFunction(_ input: Tensor) -> Tensor { input.silu() }
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
