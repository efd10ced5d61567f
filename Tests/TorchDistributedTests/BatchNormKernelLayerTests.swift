import CTorch
import KernelsOnCPU
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Layers whose statistics ranks share, computed by the CUDA kernels compiled for the CPU.
@Suite(.serialized) struct BatchNormKernelLayerTests {
  @Test(
    "a layer computes by kernels what it computes without, however many ranks share it", arguments: [1, 2, 3],
    [DType.float32, .bfloat16])
  func layer(size: Int, dtype: DType) throws {
    let exact = try outcome(size: 1, dtype: .float64, input: dtype)
    ctorch_batch_norm_use_kernels(kernels_on_cpu(3))
    defer { ctorch_batch_norm_use_kernels(nil) }
    let found = try outcome(size: size, dtype: dtype, input: dtype)
    #expect(kernels_on_cpu_calls().input_gradient == size)
    let unit = dtype == .float32 ? 0x1p-20 : 0x1p-7
    for (ours, theirs) in zip(found.activations, exact.activations) {
      #expect(ours.to(.float64).largestDifference(from: theirs) <= unit * theirs.largestMagnitude)
    }
    for (ours, theirs) in zip(found.running, exact.running) {
      #expect(ours.to(.float64).largestDifference(from: theirs) <= 0x1p-20 * theirs.largestMagnitude)
    }
  }

  private struct Outcome: Sendable {
    let activations: [Tensor]
    let running: [Tensor]
  }

  /// Output, gradients of input and residual, and running statistics of a layer with a sum and a ReLU.
  private func outcome(size: Int, dtype: DType, input: DType) throws -> Outcome {
    @Sendable func images(_ name: String) -> Tensor {
      Tensor.pattern(name, [12, 16, 5, 5], offset: 0.25).to(input).to(dtype).channelsLast()
    }
    let parts = try withRanks(size) { world in
      func part(_ tensor: Tensor) -> Tensor {
        let length = tensor.shape[0] / size
        return tensor.narrow(0, world.rank * length..<(world.rank + 1) * length).clone()
      }
      let layer = BatchNorm(16)
      if dtype == .float64 { layer.move(to: .cpu, dtype: .float64) }
      layer.synchronizeBatchNorm(over: world.statistics)
      let (x, residual) = (part(images("input")).requireGradient(), part(images("residual")).requireGradient())
      let output = layer(x, adding: residual, relu: true)
      output.backward(part(images("gradient")))
      return Outcome(
        activations: [output.detached(), x.gradient!, residual.gradient!],
        running: [layer.runningMean.value, layer.runningVar.value])
    }
    return Outcome(
      activations: (0..<3).map { index in Tensor.concatenate(parts.map { $0.activations[index] }) },
      running: parts[0].running)
  }
}
