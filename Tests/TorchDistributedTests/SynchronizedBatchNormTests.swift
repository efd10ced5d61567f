import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// Everything is compared with libtorch's own batch normalization of all values at once.
@Suite struct SynchronizedBatchNormTests {
  struct Outcome: Sendable {
    var output: Tensor
    var inputGradient: Tensor
    var parameterGradients: [Tensor]
    var running: [Tensor]
  }

  @Test("images shared by ranks are normalized, forward and backward, as one batch", arguments: [1, 2, 3, 4])
  func images(size: Int) throws {
    try check(shape: [12, 5, 3, 2], size: size, dtype: .float64, tolerance: 1e-12)
    try check(shape: [12, 5, 3, 2], size: size, dtype: .float32, tolerance: 2e-6)
  }

  @Test("vectors shared by ranks are normalized as one batch, down to one a rank", arguments: [2, 3, 4])
  func vectors(size: Int) throws {
    try check(shape: [12, 7], size: size, dtype: .float64, tolerance: 1e-12)
    try check(shape: [size, 7], size: size, dtype: .float64, tolerance: 1e-11)
  }

  @Test("a large mean beside a small spread loses no digits that float32 inputs have", arguments: [1, 3])
  func largeMean(size: Int) throws {
    let input = (Tensor.pattern("spread", [12, 4, 3, 3], scale: 0.01) + 100).channelsLast()
    let (mean, variance) = (input.to(.float64).mean(0, 2, 3), input.to(.float64).variance(0, 2, 3))
    let running = try shared(input, size: size).first!.running
    #expect(running[0].to(.float64).largestDifference(from: mean * 0.1) < 1e-5)
    let spread = (running[1].to(.float64) - 0.9) * 10
    #expect(spread.largestDifference(from: variance) < 1e-6)
  }

  @Test("bfloat16 images are normalized in float32 and rounded once", arguments: [1, 2])
  func bfloat16(size: Int) throws {
    let input = Tensor.pattern("input", [8, 6, 4, 4]).to(.bfloat16).channelsLast()
    let exact = reference(input.to(.float64))
    let outcomes = try shared(input, size: size)
    let output = Tensor.concatenate(outcomes.map(\.output))
    let gradient = Tensor.concatenate(outcomes.map(\.inputGradient))
    #expect(output.dtype == .bfloat16 && gradient.dtype == .bfloat16)
    // Half a unit in the last of eight bits, and what rounding the output's gradient to bfloat16 costs.
    #expect(output.to(.float64).largestDifference(from: exact.output) <= exact.output.largestMagnitude / 256)
    #expect(
      gradient.to(.float64).largestDifference(from: exact.inputGradient) <= exact.inputGradient.largestMagnitude / 64)
  }

  @Test("of bfloat16 images, nothing is further from float64 than what libtorch's own layer computes")
  func bfloat16BesideLibtorch() throws {
    let input = Tensor.randn([64, 32, 16, 16], generator: Generator(seed: 1)).to(.bfloat16).channelsLast()
    let gradient = Tensor.randn(input.shape, generator: Generator(seed: 2)).to(.bfloat16).channelsLast()
    func outcome(_ dtype: DType, byLibtorch: Bool) -> Outcome {
      let layer = Self.layer(channels: 32, dtype: dtype)
      return Self.run(layer, input.to(dtype).clone(), gradient.to(dtype), byLibtorch: byLibtorch)
    }
    let exact = outcome(.float64, byLibtorch: true)
    func errors(_ outcome: Outcome) -> [Double] {
      zip(
        [outcome.output, outcome.inputGradient] + outcome.parameterGradients,
        [exact.output, exact.inputGradient] + exact.parameterGradients
      ).map { ($0.to(.float64) - $1).norm().item() / $1.norm().item() }
    }
    let (ours, libtorchs) = (
      errors(outcome(.bfloat16, byLibtorch: false)), errors(outcome(.bfloat16, byLibtorch: true))
    )
    for (our, its) in zip(ours, libtorchs) { #expect(our <= 1.01 * its, "\(ours), libtorch \(libtorchs)") }
  }

  @Test("statistics have the same bits for any number of ranks")
  func sameBits() throws {
    let input = Tensor.pattern("input", [12, 16, 5, 5], offset: 0.3).channelsLast()
    let alone = try shared(input, size: 1)[0]
    for size in [2, 3, 4] {
      for outcome in try shared(input, size: size) {
        #expect(zip(outcome.running, alone.running).allSatisfy { $0.isIdentical(to: $1) })
      }
      let output = Tensor.concatenate(try shared(input, size: size).map(\.output))
      #expect(output.largestDifference(from: alone.output) == 0)
    }
  }

  private func check(shape: [Int], size: Int, dtype: DType, tolerance: Double) throws {
    let pattern = Tensor.pattern("input", shape, offset: 0.5).to(dtype)
    let input = shape.count == 4 ? pattern.channelsLast() : pattern
    let expected = reference(input)
    let outcomes = try shared(input, size: size)
    func close(_ ours: Tensor, _ theirs: Tensor, _ what: Comment) {
      let scale = Swift.max(1, theirs.largestMagnitude)
      #expect(ours.largestDifference(from: theirs) <= tolerance * scale, what)
    }
    close(Tensor.concatenate(outcomes.map(\.output)), expected.output, "output")
    close(Tensor.concatenate(outcomes.map(\.inputGradient)), expected.inputGradient, "gradient of the input")
    for index in 0..<2 {
      let sum = outcomes.dropFirst().reduce(outcomes[0].parameterGradients[index]) {
        $0 + $1.parameterGradients[index]
      }
      close(sum, expected.parameterGradients[index], "gradient of parameter \(index)")
    }
    for outcome in outcomes {
      for index in 0..<3 {
        close(outcome.running[index].to(dtype), expected.running[index].to(dtype), "running statistic \(index)")
      }
    }
  }

  private func reference(_ input: Tensor) -> Outcome {
    Self.run(
      Self.layer(channels: input.shape[1], dtype: input.dtype), input, Self.outputGradient(of: input), byLibtorch: true)
  }

  /// Every rank normalizes its part of the input.
  private func shared(_ input: Tensor, size: Int) throws -> [Outcome] {
    try withRanks(size) { world in
      let length = input.shape[0] / size
      let part = world.rank * length..<(world.rank + 1) * length
      let layer = Self.layer(channels: input.shape[1], dtype: input.dtype)
      layer.synchronizeBatchNorm(over: world.statistics)
      return Self.run(
        layer, input.narrow(0, part).clone(), Self.outputGradient(of: input).narrow(0, part).clone(), byLibtorch: false)
    }
  }

  private static func layer(channels: Int, dtype: DType) -> BatchNorm {
    let layer = BatchNorm(channels)
    withoutGradients {
      _ = layer.weight!.value.copy_(Tensor.pattern("weight", [channels], scale: 0.5, offset: 1))
      _ = layer.bias!.value.copy_(Tensor.pattern("bias", [channels]))
    }
    if dtype == .float64 { layer.move(to: .cpu, dtype: .float64) }
    return layer
  }

  private static func outputGradient(of input: Tensor) -> Tensor {
    let gradient = Tensor.pattern("gradient", input.shape).to(input.dtype)
    return input.rank == 4 ? gradient.channelsLast() : gradient
  }

  private static func run(_ layer: BatchNorm, _ input: Tensor, _ gradient: Tensor, byLibtorch: Bool) -> Outcome {
    let leaf = input.detached().requireGradient()
    let output = byLibtorch ? librarysOutput(of: layer, leaf) : layer(leaf)
    output.backward(gradient)
    return Outcome(
      output: output.detached(), inputGradient: leaf.gradient!,
      parameterGradients: [layer.weight!.gradient!, layer.bias!.gradient!],
      running: [layer.runningMean.value, layer.runningVar.value, layer.numBatchesTracked.value])
  }

  private static func librarysOutput(of layer: BatchNorm, _ input: Tensor) -> Tensor {
    layer.numBatchesTracked.value.add_(1)
    return Functional.batchNorm(
      input, weight: layer.weight!.value, bias: layer.bias!.value, runningMean: layer.runningMean.value,
      runningVariance: layer.runningVar.value, training: true, momentum: layer.momentum, epsilon: layer.epsilon)
  }
}
