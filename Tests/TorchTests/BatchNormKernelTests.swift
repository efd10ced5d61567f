import CTorch
import KernelsOnCPU
import TestSupport
import Testing
import Torch

/// The CUDA kernels of batch normalization, their bodies compiled for the CPU, beside libtorch in float64.
@Suite(.serialized) struct BatchNormKernelTests {
  /// Whole packs of 16 bytes and single elements, one block of channels and several, and a single value a channel.
  private static let shapes = [
    [3, 8, 5, 7], [2, 7, 3, 3], [40, 64, 4, 4], [2, 264, 3, 2], [9, 520], [5, 3], [1, 24],
  ]

  @Test(
    "output and gradients are libtorch's, rounded once", arguments: shapes, [DType.float32, .bfloat16, .float16])
  func beside(shape: [Int], dtype: DType) {
    for (isAdded, relu) in [(false, false), (false, true), (true, true), (true, false)] {
      for processors in [1, 5, 132] {
        let sample = Sample(shape, dtype, isAdded: isAdded, relu: relu)
        let (ours, exact) = withKernels(processors) { (sample.computed(), sample.exact) }
        expectRounded(ours.output, exact.output, dtype, "output")
        let gradients = sample.exactGradients(below: ours.output)
        expectRounded(ours.input, gradients.input, dtype, "gradient of the input")
        expectRounded(ours.weight, gradients.weight, .float32, "gradient of the weight")
        expectRounded(ours.bias, gradients.bias, .float32, "gradient of the bias")
        if let residual = ours.residual {
          #expect(residual.to(.float64).largestDifference(from: sample.masked(below: ours.output)) == 0)
        }
      }
    }
  }

  @Test("a second run has the same bits", arguments: [DType.float32, .bfloat16])
  func sameBits(dtype: DType) {
    let sample = Sample([20, 40, 6, 6], dtype, isAdded: true, relu: true)
    let (first, second) = withKernels(4) { (sample.computed(), sample.computed()) }
    #expect(zip(first.all, second.all).allSatisfy { $0.isIdentical(to: $1) })
  }

  @Test("a large mean beside a small spread keeps the digits that float32 inputs have")
  func largeMean() {
    let input = (Tensor.pattern("spread", [12, 8, 9, 9], scale: 0.01) + 100).channelsLast()
    let wide = input.to(.float64)
    let (mean, inverse) = withKernels(3) {
      Functional.batchNormStatistics(
        from: Functional.batchNormSums(input), count: 12 * 81, epsilon: 0, dtype: .float64)
    }
    #expect(mean.largestDifference(from: wide.mean(0, 2, 3)) < 1e-6)
    let deviation = wide.variance(0, 2, 3, correction: 0).pow(0.5)
    #expect((inverse * deviation).largestDifference(from: Tensor.ones([8], dtype: .float64)) < 1e-6)
  }

  @Test("images are read as they lie: planes, parts of a batch, every other image")
  func layouts() {
    let whole = Tensor.pattern("images", [10, 16, 4, 4])
    let layouts = [whole.narrow(0, 2..<8), whole.channelsLast().narrow(0, 2..<8)]
    let sums = withKernels(2) { layouts.map(Functional.batchNormSums) }
    #expect(sums[0].isIdentical(to: sums[1]))
    let wide = layouts[0].to(.float64)
    #expect(sums[0].largestDifference(from: Tensor.stack([wide.sum(0, 2, 3), (wide * wide).sum(0, 2, 3)])) < 2e-4)
  }

  @Test("NaN passes a ReLU, so that a loss scaler sees it")
  func notANumber() {
    let sample = Sample([2, 8, 2, 2], .float16, isAdded: false, relu: true)
    _ = sample.input.fill_(.nan)
    let output = withKernels(1) { sample.computed().output }
    #expect(output.array(of: Double.self).allSatisfy { $0.isNaN })
  }

  @Test("kernels take float32, float16 and bfloat16, vectors and images; everything else goes on without them")
  func dispatch() {
    func calls(_ shape: [Int], _ dtype: DType) -> Int {
      withKernels(1) {
        _ = Sample(shape, dtype, isAdded: true, relu: true).computed()
        let calls = kernels_on_cpu_calls()
        #expect(calls.statistics == 1)
        #expect([calls.apply, calls.gradient_sums, calls.input_gradient].allSatisfy { $0 == calls.sums })
        return Int(calls.sums)
      }
    }
    for dtype in [DType.float32, .float16, .bfloat16] {
      #expect(calls([4, 8], dtype) == 1 && calls([2, 8, 3, 3], dtype) == 1)
    }
    #expect(calls([4, 8], .float64) == 0)
    #expect(!ctorch_batch_norm_has_kernels())
  }

  @Test(
    "what is made of libtorch's operations for CUDA is its layer, for one process and for three",
    arguments: [[6, 5, 4, 3], [12, 8]], [1, 3])
  func operations(shape: [Int], processes: Int) {
    for (isAdded, relu) in [(false, false), (true, true)] {
      let found = cuda_operations_beside_libtorch(
        shape.map(Int64.init), Int32(shape.count), Int32(processes), isAdded, relu)
      let differences = [
        found.output, found.running_variance, found.input_gradient, found.residual_gradient, found.weight_gradient,
        found.bias_gradient,
      ]
      #expect(differences.allSatisfy { $0 < 1e-11 }, "\(differences)")
    }
  }

  private func withKernels<Result>(_ processors: Int, _ body: () -> Result) -> Result {
    ctorch_batch_norm_use_kernels(kernels_on_cpu(Int32(processors)))
    defer { ctorch_batch_norm_use_kernels(nil) }
    return body()
  }

  /// Within what one rounding to `dtype` and float32 arithmetic allow, element by element.
  private func expectRounded(_ ours: Tensor, _ exact: Tensor, _ dtype: DType, _ what: Comment) {
    let unit = dtype == .float32 ? 0x1p-24 : dtype == .float16 ? 0x1p-11 : 0x1p-8
    let arithmetic = 0x1p-18 * Swift.max(1, exact.largestMagnitude)
    let pairs = zip(ours.array(of: Double.self), exact.array(of: Double.self))
    #expect(ours.shape == exact.shape && pairs.allSatisfy { abs($0 - $1) <= unit * abs($1) + arithmetic }, what)
  }
}

/// An input of batch normalization, what is added, and the gradient that comes back.
private struct Sample {
  let input: Tensor
  let residual: Tensor?
  let gradient: Tensor
  let weight: Tensor
  let bias: Tensor
  let relu: Bool
  private var count: Int { input.count / input.shape[1] }

  init(_ shape: [Int], _ dtype: DType, isAdded: Bool, relu: Bool) {
    func rows(_ name: String, offset: Float = 0) -> Tensor {
      let tensor = Tensor.pattern(name, shape, scale: 2, offset: offset).to(dtype)
      return shape.count == 4 ? tensor.channelsLast() : tensor
    }
    (input, gradient) = (rows("input", offset: 0.5), rows("gradient"))
    residual = isAdded ? rows("residual") : nil
    let wide: DType = dtype == .float64 ? .float64 : .float32
    weight = Tensor.pattern("weight", [shape[1]], scale: 0.5, offset: 1).to(wide)
    bias = Tensor.pattern("bias", [shape[1]]).to(wide)
    self.relu = relu
  }

  struct Outcome {
    let output, input, weight, bias: Tensor
    let residual: Tensor?
    var all: [Tensor] { [output, input, weight, bias] + (residual.map { [$0] } ?? []) }
  }

  /// By the parts that processes exchange statistics between.
  func computed() -> Outcome {
    let (mean, inverse) = Functional.batchNormStatistics(
      from: Functional.batchNormSums(input), count: count, epsilon: 1e-5, dtype: weight.dtype)
    let output = Functional.batchNormApply(
      input, mean: mean, inverseDeviation: inverse, weight: weight, bias: bias, adding: residual, relu: relu)
    let kept = relu ? output : nil
    let found = Functional.batchNormGradientSums(
      gradient, input: input, output: kept, mean: mean, inverseDeviation: inverse)
    let gradients = Functional.batchNormInputGradients(
      gradient, input: input, output: kept, mean: mean, inverseDeviation: inverse, weight: weight, sums: found.sums,
      count: count, ofResidual: residual != nil)
    return Outcome(
      output: output, input: gradients.input, weight: found.weight, bias: found.bias, residual: gradients.residual)
  }

  /// The output in float64, by its definition.
  var exact: (output: Tensor, normalized: Tensor) {
    let normalized = self.normalized(input.to(.float64), weight.to(.float64), bias.to(.float64))
    let sum = residual.map { normalized + $0.to(.float64) } ?? normalized
    return (relu ? sum.relu() : sum, normalized)
  }

  /// The gradient that passes a ReLU with such an output: near 0, rounding decides what passes.
  func masked(below output: Tensor) -> Tensor {
    relu ? gradient.to(.float64) * output.greater(than: 0).to(.float64) : gradient.to(.float64)
  }

  func exactGradients(below output: Tensor) -> (input: Tensor, weight: Tensor, bias: Tensor) {
    let leaves = [input, weight, bias].map { $0.to(.float64).clone().requireGradient() }
    normalized(leaves[0], leaves[1], leaves[2]).backward(masked(below: output))
    return (leaves[0].gradient!, leaves[1].gradient!, leaves[2].gradient!)
  }

  /// One value a channel is its own mean, which libtorch's layer refuses.
  private func normalized(_ input: Tensor, _ weight: Tensor, _ bias: Tensor) -> Tensor {
    guard count > 1 else { return (input - input) * weight + bias }
    return Functional.batchNorm(
      input, weight: weight, bias: bias, runningMean: nil, runningVariance: nil, training: true, momentum: 0,
      epsilon: 1e-5)
  }
}
