import TestSupport
import Testing
import Torch
import TorchNN

/// BatchNorm without scale and shift.
@Suite struct PlainBatchNormTests {
  @Test("it computes what BatchNorm with scale 1 and shift 0 does, and has no parameters", arguments: [true, false])
  func equalsUnitScale(training: Bool) {
    let layers = [true, false].map { BatchNorm1d(5, affine: $0) }
    let results = layers.map { layer -> [Tensor] in
      layer.runningMean.value.copy_(Tensor.pattern("mean", [5]))
      layer.runningVar.value.copy_(Tensor.pattern("variance", [5], scale: 0.5, offset: 1))
      layer.train(training)
      let input = Tensor.pattern("input", [7, 5]).requireGradient()
      let output = layer(input)
      (output * Tensor.pattern("cotangent", [7, 5])).sum().backward()
      return [output, input.gradient!, layer.runningMean.value, layer.runningVar.value]
    }
    for (affine, plain) in zip(results[0], results[1]) { #expect(affine.isIdentical(to: plain)) }
    #expect(layers[1].parameters().isEmpty)
    #expect(layers[1].stateDictionary().map(\.name) == ["running_mean", "running_var", "num_batches_tracked"])
  }

  @Test("it moves to another type with its statistics")
  func moves() {
    let layer = BatchNorm1d(3, affine: false)
    layer.move(to: .cpu, dtype: .float64)
    let output = layer(Tensor.pattern("input", [4, 3]).to(.float64))
    #expect(output.dtype == .float64 && output.mean(0).largestMagnitude < 1e-15)
  }
}
