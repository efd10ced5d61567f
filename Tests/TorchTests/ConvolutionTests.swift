import TestSupport
import Testing
import Torch

@Suite struct ConvolutionTests {
  /// oneDNN wrote past its memory for these: crashes, or a heap that fails later.
  @Test("a strided 1x1 convolution of few channels has float64's output and gradients", arguments: [4, 8, 12, 15])
  func narrowStridedConvolution(channels: Int) {
    let outputChannels = 16
    let input = Tensor.randn([32, channels, 56, 56], generator: Generator(seed: 1)).channelsLast().requireGradient()
    let weight = Tensor.randn([outputChannels, channels, 1, 1], generator: Generator(seed: 2)).requireGradient()
    let output = Functional.conv2d(input, weight: weight, stride: 2)
    output.sum().backward()

    let (exactInput, exactWeight) = (leaf(input), leaf(weight))
    let exact = Functional.conv2d(exactInput, weight: exactWeight, stride: 2)
    exact.sum().backward()
    #expect(output.shape == [32, outputChannels, 28, 28])
    expectClose(output, exact, relative: 1e-5)
    expectClose(input.gradient!, exactInput.gradient!, relative: 1e-5)
    expectClose(weight.gradient!, exactWeight.gradient!, relative: 1e-5)
  }

  private func leaf(_ tensor: Tensor) -> Tensor { tensor.detached().to(.float64).requireGradient() }

  /// Relative to the largest element.
  private func expectClose(_ found: Tensor, _ expected: Tensor, relative: Double) {
    let difference = found.to(.float64).largestDifference(from: expected)
    #expect(difference <= relative * expected.largestMagnitude)
  }
}
