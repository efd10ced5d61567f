import TestSupport
import Testing
import Torch

@Suite struct BatchNormPartsTests {
  /// Tiles of 32 and of 16 channels, what is left of them, and rows too long for tiles.
  private static let channels = [1, 7, 16, 32, 40, 64, 100, 128, 200]

  @Test(
    "sums of a channel, of its squares and of its products with a gradient are exact to float64", arguments: channels)
  func sums(channels: Int) {
    for dtype in [DType.float32, .bfloat16, .float64] {
      let (x, dy) = (values(channels, seed: 1).to(dtype), values(channels, seed: 2).to(dtype))
      let (wideX, wideDy) = (x.to(.float64), dy.to(.float64))
      let mean = Tensor.zeros([channels], dtype: dtype == .float64 ? .float64 : .float32)
      expectClose(
        Functional.batchNormSums(x),
        Tensor.stack([sum(wideX), sum(wideX * wideX)]))
      expectClose(
        Functional.batchNormGradientSums(
          dy, input: x, output: nil, mean: mean, inverseDeviation: Tensor.ones([channels], dtype: mean.dtype)
        ).sums,
        Tensor.stack([sum(wideDy), sum(wideDy * wideX)]))
    }
  }

  @Test("threads do not show in the sums", arguments: [64, 200])
  func threads(channels: Int) {
    let x = values(channels, images: 60, seed: 3)
    let before = TorchRuntime.threadCount
    defer { TorchRuntime.setThreadCount(before) }
    TorchRuntime.setThreadCount(4)
    let first = Functional.batchNormSums(x)
    for _ in 0..<20 { #expect(Functional.batchNormSums(x).isIdentical(to: first)) }
  }

  /// `[N, C, 6, 7]`, channels-last.
  private func values(_ channels: Int, images: Int = 5, seed: UInt64) -> Tensor {
    Tensor.randn([images, channels, 6, 7], generator: Generator(seed: seed)).channelsLast()
  }

  private func sum(_ tensor: Tensor) -> Tensor { tensor.sum(0, 2, 3) }

  private func expectClose(_ found: Tensor, _ expected: Tensor) {
    let (a, b) = (found.array(of: Double.self), expected.array(of: Double.self))
    #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-10 })
  }
}
