import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// BatchNorm, what is added to it, and ReLU in one pass each way, against libtorch's operations one after another in
/// float64.
@Suite struct FusedBatchNormTests {
  /// What follows the normalization.
  struct Ending: CustomTestStringConvertible, Sendable {
    var adds: Bool
    var relu: Bool
    var testDescription: String { "BatchNorm" + (adds ? " + add" : "") + (relu ? " + ReLU" : "") }
  }

  static let endings = [(false, true), (true, true), (true, false), (false, false)].map(Ending.init)

  /// How images lie in memory: channels last, but for the first; and what the gradient of the output is a view of.
  enum Layout: CaseIterable {
    case rowMajor, channelsLast, gradientIsPart, gradientIsOneValue
  }

  /// Tiles of 32 and of 16 channels, what is left of them, rows too long for tiles, one pixel, one image, vectors.
  private static let shapes = [
    [5, 1, 3, 2], [5, 3, 3, 2], [4, 7, 3, 3], [3, 16, 4, 5], [3, 20, 4, 5], [4, 32, 3, 3], [2, 40, 5, 5],
    [2, 65, 4, 4],
    [3, 130, 2, 3], [2, 300, 2, 2], [9, 24, 1, 1], [1, 24, 5, 3], [7, 5], [6, 48], [4, 513],
  ]

  @Test("in float64 output and gradients equal libtorch's, every element", arguments: shapes, endings)
  func float64(shape: [Int], ending: Ending) {
    for layout in Layout.allCases {
      let trial = Trial(shape: shape, ending: ending, layout: layout)
      let (found, expected) = (trial.fused(.float64), trial.separate())
      for (name, value) in found {
        let tolerance = 1e-12 * max(1, expected[name]!.largestMagnitude)
        #expect(value.largestDifference(from: expected[name]!) <= tolerance, "\(name), \(layout)")
      }
    }
  }

  @Test("in float32 they are as close as rounding allows", arguments: shapes, endings)
  func float32(shape: [Int], ending: Ending) {
    let trial = Trial(shape: shape, ending: ending)
    let (found, expected) = (trial.fused(.float32), trial.separate())
    for (name, value) in found {
      #expect(
        value.largestDifference(from: expected[name]!) <= 5e-6 * max(1, expected[name]!.largestMagnitude), "\(name)")
    }
  }

  @Test("in bfloat16 everything is rounded once", arguments: shapes, endings)
  func bfloat16(shape: [Int], ending: Ending) {
    let trial = Trial(shape: shape, ending: ending, elements: .bfloat16)
    let (found, expected) = (trial.fused(.bfloat16), trial.separate())
    for (name, value) in found {
      let isVector = value.dtype == .float32
      #expect(isVector == ["weight", "bias", "mean", "variance"].contains(name))
      // Half a unit in the last of eight bits of the largest.
      let tolerance = (isVector ? 5e-6 : 1.0 / 256) * max(1, expected[name]!.largestMagnitude)
      #expect(value.to(.float64).largestDifference(from: expected[name]!) <= tolerance, "\(name)")
    }
  }

  @Test("the gradient of the residual is that of the output where the output is positive, to the bit")
  func residualGradient() {
    let trial = Trial(shape: [4, 20, 3, 3], ending: Ending(adds: true, relu: true), elements: .bfloat16)
    let found = trial.fused(.bfloat16)
    let mask = found["output"]!.to(.float32).greater(than: 0).to(.float32)
    #expect(found["residual"]!.to(.float32).largestDifference(from: trial.gradient.to(.float32) * mask) == 0)
  }

  @Test("what is not a number stays so", arguments: [DType.float32, .bfloat16, .float64])
  func notANumber(dtype: DType) {
    let input = Tensor.pattern("input", [2, 20, 2, 2]).to(dtype).channelsLast()
    let residual = Tensor.full(input.shape, .nan, dtype: dtype)
    let layer = BatchNorm2d(20)
    let output = layer(input, adding: residual, relu: true).array(of: Float.self)
    #expect(output.allSatisfy { $0.isNaN })
  }

  @Test("images shared by ranks are one batch to it, gradients of all kinds included", arguments: [2, 3], endings)
  func ranks(size: Int, ending: Ending) throws {
    let trial = Trial(shape: [6, 20, 3, 3], ending: ending)
    let expected = trial.separate()
    let outcomes = try withRanks(size) { world in
      let length = 6 / size
      return trial.fused(.float64, rows: world.rank * length..<(world.rank + 1) * length, over: world.statistics)
    }
    for name in expected.keys where outcomes[0][name] != nil {
      let parts = outcomes.map { $0[name]! }
      let found =
        switch name {
        case "output", "input", "residual": Tensor.concatenate(parts)
        case "weight", "bias": parts.dropFirst().reduce(parts[0], +)
        default: parts[0]
        }
      let tolerance = 1e-12 * max(1, expected[name]!.largestMagnitude)
      #expect(found.largestDifference(from: expected[name]!) <= tolerance, "\(name)")
    }
  }

  @Test("in evaluation it is the same function of the running statistics", arguments: endings)
  func evaluation(ending: Ending) {
    let input = Tensor.pattern("input", [3, 6, 2, 2]).channelsLast()
    let residual = Tensor.pattern("residual", input.shape)
    let layer = BatchNorm2d(6)
    layer.runningMean.value.copy_(Tensor.pattern("mean", [6]))
    layer.evaluate()
    var expected = layer(input)
    if ending.adds { expected = expected + residual }
    if ending.relu { expected = expected.relu() }
    let found = layer(input, adding: ending.adds ? residual : nil, relu: ending.relu)
    #expect(found.largestDifference(from: expected) == 0)
  }

  @Test("a ReLU after BatchNorm in a list of modules is part of its pass")
  func list() {
    let modules: [Module] = [BatchNorm1d(5), ReLU(), ReLU(), BatchNorm1d(5)]
    let input = Tensor.pattern("input", [8, 5])
    let expected = modules.reduce(input) { $1($0) }
    #expect(modules(input).largestDifference(from: expected) == 0)
  }

  @Test("nothing of a pass is kept once its output is gone, whether it went back or not")
  func memory() {
    let layer = BatchNorm2d(20)
    func pass(goesBack: Bool) {
      let input = Tensor.pattern("input", [2, 20, 2, 2]).channelsLast().requireGradient()
      let output = layer(input, adding: Tensor.pattern("residual", input.shape), relu: true)
      if goesBack { output.sum().backward() }
    }
    pass(goesBack: true)
    let before = TorchRuntime.liveTensorCount
    for goesBack in [true, false, true] { pass(goesBack: goesBack) }
    #expect(TorchRuntime.liveTensorCount == before)
  }
}

/// One input and what is done with it.
private struct Trial: Sendable {
  let ending: FusedBatchNormTests.Ending
  /// In float64, of values that elements of the type under test can hold.
  let input: Tensor
  let residual: Tensor
  let gradient: Tensor
  let weight: Tensor
  let bias: Tensor

  init(
    shape: [Int], ending: FusedBatchNormTests.Ending, layout: FusedBatchNormTests.Layout = .channelsLast,
    elements: DType = .float32
  ) {
    self.ending = ending
    func values(_ name: String, _ shape: [Int], offset: Float = 0) -> Tensor {
      let values = Tensor.pattern(name, shape, offset: offset).to(elements).to(.float64)
      return shape.count == 4 && layout != .rowMajor ? values.channelsLast() : values
    }
    input = values("input", shape, offset: 0.5)
    residual = values("residual", shape)
    gradient =
      switch layout {
      case .rowMajor, .channelsLast: values("gradient", shape)
      case .gradientIsPart:
        values("gradient", [shape[0], shape[1] + 3] + shape.dropFirst(2)).narrow(1, 2..<2 + shape[1])
      case .gradientIsOneValue: Tensor([0.25]).reshaped(shape.map { _ in 1 }).expanded(shape)
      }
    weight = Tensor.pattern("weight", [shape[1]], scale: 0.5, offset: 1)
    bias = Tensor.pattern("bias", [shape[1]])
  }

  /// libtorch's operations one after another, in float64.
  func separate() -> [String: Tensor] {
    let leaves = [input, weight.to(.float64), bias.to(.float64), residual].map { $0.clone().requireGradient() }
    let running = [Tensor.zeros(bias.shape, dtype: .float64), Tensor.ones(bias.shape, dtype: .float64)]
    var output = Functional.batchNorm(
      leaves[0], weight: leaves[1], bias: leaves[2], runningMean: running[0], runningVariance: running[1],
      training: true, momentum: 0.1, epsilon: 1e-5)
    if ending.adds { output = output + leaves[3] }
    if ending.relu { output = output.relu() }
    output.backward(gradient)
    return outcome(output, leaves, running)
  }

  /// The layer of the library over elements of `dtype`, of some of the images.
  func fused(_ dtype: DType, rows: Range<Int>? = nil, over group: ProcessGroup = .single()) -> [String: Tensor] {
    let layer = BatchNorm(bias.count)
    withoutGradients { _ = (layer.weight!.value.copy_(weight), layer.bias!.value.copy_(bias)) }
    if dtype == .float64 { layer.move(to: .cpu, dtype: .float64) }
    layer.synchronizeBatchNorm(over: group)
    func part(_ tensor: Tensor) -> Tensor { rows.map { tensor.narrow(0, $0) } ?? tensor }
    let leaf = part(input).to(dtype).clone().requireGradient()
    let shortcut = part(residual).to(dtype).clone().requireGradient()
    let output = layer(leaf, adding: ending.adds ? shortcut : nil, relu: ending.relu)
    output.backward(part(gradient).to(dtype))
    return outcome(
      output, [leaf, layer.weight!.value, layer.bias!.value, shortcut],
      [layer.runningMean.value, layer.runningVar.value])
  }

  private func outcome(_ output: Tensor, _ leaves: [Tensor], _ running: [Tensor]) -> [String: Tensor] {
    var result = ["output": output.detached(), "mean": running[0], "variance": running[1]]
    (result["input"], result["weight"], result["bias"]) = (leaves[0].gradient, leaves[1].gradient, leaves[2].gradient)
    if ending.adds { result["residual"] = leaves[3].gradient }
    return result
  }
}
