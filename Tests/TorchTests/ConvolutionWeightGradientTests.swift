import TestSupport
import Testing
import Torch

/// Gradients of 3x3 convolutions under autocast to bfloat16, against libtorch's in float64 of the same rounded values.
@Suite struct ConvolutionWeightGradientTests {
  /// Images, channels of input and output, height, width: one pixel, odd sides, more images than are taken at once, several
  /// tiles of channels.
  private static let shapes = [
    [3, 16, 16, 1, 1], [2, 16, 32, 5, 7], [70, 32, 16, 2, 3], [5, 48, 48, 4, 4], [1, 16, 16, 33, 32],
    [4, 80, 16, 1, 9],
  ]

  /// Where the CPU has AMX, libtorch's gradient is fast.
  private static let hasOwnLoops =
    TorchRuntime.InstructionSet.avx512BF16.isAvailable && !TorchRuntime.InstructionSet.amxBF16.isAvailable

  @Test(
    "the weight's is a sum in float32, not rounded to bfloat16",
    .enabled(if: hasOwnLoops), arguments: shapes)
  func weight(shape: [Int]) {
    for isChannelsLast in [true, false] {
      let (found, expected) = gradients(shape, isChannelsLast: isChannelsLast)
      #expect(found.weight.dtype == .float32)
      expectClose(found.weight, expected.weight, relative: 1e-6)
      expectClose(found.input, expected.input, relative: 1.0 / 128)
    }
  }

  /// Shapes as above, then size of the kernel, stride and padding.
  @Test(
    "convolutions of other kinds have theirs from libtorch",
    arguments: [
      [3, 8, 16, 4, 4, 3, 1, 1], [3, 16, 24, 4, 4, 3, 1, 1], [3, 16, 16, 5, 5, 3, 2, 1], [3, 16, 16, 4, 4, 1, 1, 0],
      [3, 16, 16, 6, 6, 3, 1, 0],
    ])
  func otherKinds(kind: [Int]) {
    let (found, expected) = gradients(Array(kind[..<5]), kernelSize: kind[5], stride: kind[6], padding: kind[7])
    expectClose(found.weight, expected.weight, relative: 1.0 / 64)
    expectClose(found.input, expected.input, relative: 1.0 / 64)
  }

  @Test("every run with as many threads gives the same bits, and other numbers of threads nearly the same")
  func threads() {
    let before = TorchRuntime.threadCount
    defer { TorchRuntime.setThreadCount(before) }
    func weight(threads: Int) -> Tensor {
      TorchRuntime.setThreadCount(threads)
      return gradients([21, 16, 16, 8, 8]).found.weight
    }
    let (one, four) = (weight(threads: 1), weight(threads: 4))
    for _ in 0..<10 { #expect(weight(threads: 4).isIdentical(to: four)) }
    #expect(four.largestDifference(from: one) <= 1.0 / 128 * one.largestMagnitude)
  }

  @Test("a second batch adds to the gradient")
  func accumulates() {
    let weight = Tensor.pattern("weight", [16, 16, 3, 3]).requireGradient()
    let input = Tensor.pattern("input", [2, 16, 4, 4]).channelsLast()
    func goBack() { convolve(input, weight, 1, 1).to(.float32).sum().backward() }
    goBack()
    let once = weight.gradient!.clone()
    goBack()
    #expect(weight.gradient!.largestDifference(from: once * 2) <= 1.0 / 128 * once.largestMagnitude)
  }

  private func gradients(
    _ shape: [Int], kernelSize: Int = 3, stride: Int = 1, padding: Int = 1, isChannelsLast: Bool = true
  ) -> (found: (weight: Tensor, input: Tensor), expected: (weight: Tensor, input: Tensor)) {
    func rounded(_ name: String, _ shape: [Int]) -> Tensor {
      let values = Tensor.pattern(name, shape).to(.bfloat16).to(.float32)
      return isChannelsLast ? values.channelsLast() : values
    }
    let input = rounded("input", [shape[0], shape[1], shape[3], shape[4]]).requireGradient()
    let weight = rounded("weight", [shape[2], shape[1], kernelSize, kernelSize]).requireGradient()
    let output = convolve(input, weight, stride, padding)
    let gradient = rounded("gradient", output.shape)
    output.backward(gradient.to(.bfloat16))

    let (exactInput, exactWeight) = (leaf(input), leaf(weight))
    let exact = Functional.conv2d(exactInput, weight: exactWeight, stride: stride, padding: padding)
    exact.backward(gradient.to(.float64))
    expectClose(output, exact, relative: 1.0 / 128)
    return ((weight.gradient!, input.gradient!), (exactWeight.gradient!, exactInput.gradient!))
  }

  private func convolve(_ input: Tensor, _ weight: Tensor, _ stride: Int, _ padding: Int) -> Tensor {
    withAutocast(.cpu, .bfloat16) { Functional.conv2d(input, weight: weight, stride: stride, padding: padding) }
  }

  private func leaf(_ tensor: Tensor) -> Tensor { tensor.detached().to(.float64).requireGradient() }

  /// Relative to the largest element.
  private func expectClose(_ found: Tensor, _ expected: Tensor, relative: Double) {
    let difference = found.to(.float64).largestDifference(from: expected)
    #expect(difference <= relative * expected.largestMagnitude)
  }
}
