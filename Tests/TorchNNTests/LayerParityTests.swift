import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/layers.py runs torch.nn's layers in float64 on the same values.
@Suite struct LayerParityTests {
  private struct Case: Decodable {
    let kind: String
    let input: [Int]
    let outChannels: Int?
    let kernelSize: Int?
    let stride: Int?
    let padding: Int?
    let bias: Bool?
    let training: Bool?
    let momentum: Double?
    let outFeatures: Int?
  }

  private let cases: [String: Case]
  private let results: [String: Tensor]

  init() throws {
    cases = try Fixture().json("layers")
    results = try Fixture().tensors("layers")
  }

  @Test(
    "output, gradients and running statistics equal torch.nn's, every element to 1e-5",
    arguments: [
      "conv-1x1", "conv-1x1-stride", "conv-3x3", "conv-3x3-stride-bias", "conv-7x7-stem", "batchnorm2d-train",
      "batchnorm2d-eval", "batchnorm2d-slow", "batchnorm1d-train", "batchnorm1d-eval", "linear", "linear-no-bias",
      "relu", "max-pool", "max-pool-2", "average-pool",
    ])
  func functions(name: String) throws {
    let layer = try #require(cases[name])
    let input = Tensor.pattern("\(name).input", layer.input).requireGradient()
    var parameters: [String: Tensor] = [:]
    var statistics: [String: Tensor] = [:]
    let output: Tensor
    switch layer.kind {
    case "conv2d":
      let size = layer.kernelSize!
      let shape = [layer.outChannels!, layer.input[1], size, size]
      parameters["weight"] = Tensor.pattern("\(name).weight", shape, scale: 0.5)
      if layer.bias! { parameters["bias"] = Tensor.pattern("\(name).bias", [layer.outChannels!], scale: 0.5) }
      for parameter in parameters.values { parameter.requireGradient() }
      output = Functional.conv2d(
        input, weight: parameters["weight"]!, bias: parameters["bias"], stride: layer.stride!, padding: layer.padding!)
    case "batchnorm":
      let channels = [layer.input[1]]
      parameters["weight"] = Tensor.pattern("\(name).weight", channels, scale: 0.5, offset: 1).requireGradient()
      parameters["bias"] = Tensor.pattern("\(name).bias", channels, scale: 0.5).requireGradient()
      let mean = Tensor.pattern("\(name).running_mean", channels, scale: 0.5)
      let variance = Tensor.pattern("\(name).running_var", channels, scale: 0.5, offset: 1)
      output = Functional.batchNorm(
        input, weight: parameters["weight"], bias: parameters["bias"], runningMean: mean, runningVariance: variance,
        training: layer.training!, momentum: layer.momentum!, epsilon: 1e-5)
      if layer.training! { statistics = ["running_mean": mean, "running_var": variance] }
    case "linear":
      let shape = [layer.outFeatures!, layer.input[1]]
      parameters["weight"] = Tensor.pattern("\(name).weight", shape, scale: 0.5).requireGradient()
      if layer.bias! {
        parameters["bias"] = Tensor.pattern("\(name).bias", [shape[0]], scale: 0.5).requireGradient()
      }
      output = Functional.linear(input, weight: parameters["weight"]!, bias: parameters["bias"])
    case "relu": output = ReLU()(input)
    case "max_pool":
      output = MaxPool2d(kernelSize: layer.kernelSize!, stride: layer.stride!, padding: layer.padding!)(input)
    case "adaptive_average_pool": output = Functional.adaptiveAvgPool2d(input, height: 1, width: 1)
    default: preconditionFailure("layers.json: unknown kind \(layer.kind)")
    }
    (output * Tensor.pattern("\(name).cotangent", output.shape)).sum().backward()

    var actual = ["output": output]
    actual["gradient.input"] = input.gradient
    for (key, parameter) in parameters { actual["gradient.\(key)"] = parameter.gradient }
    actual.merge(statistics) { first, _ in first }
    #expect(Set(actual.keys.map { "\(name)/\($0)" }) == Set(results.keys.filter { $0.hasPrefix(name + "/") }))
    for (key, tensor) in actual {
      #expect(tensor.largestDifference(from: results["\(name)/\(key)"]!) <= 1e-5, "\(key)")
    }
  }

  @Test("every layer of the fixture is tried")
  func complete() { #expect(cases.count == 16) }

  @Test("layer objects hold torch.nn's parameters and compute what their functions do")
  func modules() throws {
    let generator = Generator(seed: 0)
    try check(Conv2d(3, 5, kernelSize: 3, padding: 1, generator: generator), "conv-3x3")
    try check(Conv2d(3, 4, kernelSize: 7, stride: 2, padding: 3, generator: generator), "conv-7x7-stem")
    try check(Linear(7, 3, generator: generator), "linear")
    try check(Linear(7, 3, bias: false, generator: generator), "linear-no-bias")
    try check(BatchNorm2d(3), "batchnorm2d-train")
    try check(BatchNorm2d(3), "batchnorm2d-eval")
    try check(BatchNorm1d(6), "batchnorm1d-train")
    try check(BatchNorm1d(6), "batchnorm1d-eval")
    let pooled = Functional.adaptiveAvgPool2d(Tensor.pattern("average-pool.input", [2, 3, 4, 5]), height: 1, width: 1)
    #expect(pooled.largestDifference(from: results["average-pool/output"]!.reshaped([2, 3, 1, 1])) <= 1e-6)
  }

  private func check(_ module: Module, _ name: String) throws {
    let isNorm = cases[name]!.kind == "batchnorm"
    for (key, tensor) in module.stateDictionary() where key != "num_batches_tracked" {
      let offset: Float = key == "running_var" || (isNorm && key == "weight") ? 1 : 0
      tensor.copy_(Tensor.pattern("\(name).\(key)", tensor.shape, scale: 0.5, offset: offset))
    }
    let training = cases[name]!.training ?? true
    module.train(training)
    let output = module(Tensor.pattern("\(name).input", cases[name]!.input))
    #expect(output.largestDifference(from: results["\(name)/output"]!) <= 1e-5, "\(name)")
    guard isNorm else { return }
    let state = Dictionary(uniqueKeysWithValues: module.stateDictionary().map { ($0.name, $0.tensor) })
    #expect(state["num_batches_tracked"]!.item() == (training ? 1 : 0))
    for key in ["running_mean", "running_var"] where training {
      #expect(state[key]!.largestDifference(from: results["\(name)/\(key)"]!) <= 1e-6, "\(name) \(key)")
    }
  }
}
