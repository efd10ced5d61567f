import Encoders
import TestSupport
import Testing
import Torch
import TorchNN

/// Fixtures/resnets.py runs torchvision's networks in float64 on the same weights and images, Fixtures/seresnets.py
/// timm's.
@Suite(.serialized) struct ResNetParityTests {
  private struct Network: Decodable {
    let input: [Int]
    let parameters: [NamedShape]
    let buffers: [NamedShape]
  }

  private let networks: [String: Network]
  private let results: [String: Tensor]

  init() throws {
    func merge<Value>(_ contents: (String) throws -> [String: Value]) rethrows -> [String: Value] {
      try contents("resnets").merging(contents("seresnets")) { one, _ in one }
    }
    networks = try merge { try Fixture().json($0) }
    results = try merge { try Fixture().tensors($0) }
  }

  private static let keys = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet18-cifar-quarter", "resnet50-cifar-quarter",
    "resnet50-double", "seresnet50", "seresnet101",
  ]

  @Test("every network of the fixture is tried")
  func complete() { #expect(Set(networks.keys) == Set(Self.keys)) }

  @Test("parameters and buffers have torchvision's and timm's names, shapes and order", arguments: keys)
  func names(key: String) throws {
    let expected = try #require(networks[key])
    let network = try network(key)
    let parameters = network.namedParameters().map { NamedShape(name: $0.name, shape: $0.parameter.value.shape) }
    #expect(parameters == expected.parameters)
    let names = Set(parameters.map(\.name))
    let buffers = network.stateDictionary().filter { !names.contains($0.name) }
    #expect(buffers.map { NamedShape(name: $0.name, shape: $0.tensor.shape) } == expected.buffers)
  }

  @Test("features, gradients and running statistics equal torchvision's and timm's", arguments: keys)
  func parity(key: String) throws {
    let network = try filled(key)
    network.move(to: .cpu, dtype: .float64)
    try compare(key, network, .float64)
  }

  @Test("in float32 they do so to rounding", arguments: keys)
  func singlePrecision(key: String) throws {
    try compare(key, filled(key), .float32)
  }

  @Test("memory order makes no difference", arguments: ["resnet18-cifar-quarter", "resnet50-cifar-quarter"])
  func channelsLast(key: String) throws {
    let network = try filled(key)
    network.move(to: .cpu, channelsLast: true)
    try compare(key, network, .float32, channelsLast: true)
  }

  @Test("a fresh network starts as torchvision's: normal convolutions by fan out, scales 1, shifts 0")
  func initialization() throws {
    for (name, tensor) in try network("resnet50-cifar-quarter").stateDictionary() {
      switch name {
      case _ where tensor.rank == 4:
        let deviation = (2 / Double(tensor.shape[0] * tensor.shape[2] * tensor.shape[3])).squareRoot()
        let observed = tensor.to(.float64).variance(correction: 0).sqrt().item()
        let standardError = 1 / Double(2 * tensor.count).squareRoot()
        #expect((observed / deviation - 1).magnitude < 5 * standardError, "\(name)")
      case _ where name.hasSuffix("weight") || name.hasSuffix("running_var"):
        #expect(tensor.largestDifference(from: .ones(tensor.shape)) == 0, "\(name)")
      default: #expect(tensor.largestMagnitude == 0, "\(name)")
      }
    }
  }

  @Test("zero-initialized residuals start every block's last scale at 0 and leave the others at 1")
  func zeroInitializedResiduals() {
    for (architecture, last) in [(ResNet.Architecture.resnet18, "bn2.weight"), (.resnet50, "bn3.weight")] {
      let network = ResNet(
        architecture, width: 0.25, stem: .cifar, zeroInitializesResiduals: true, generator: Generator(seed: 0))
      var zeros = 0
      for (name, tensor) in network.stateDictionary() where tensor.rank == 1 && name.hasSuffix("weight") {
        let isLast = name.hasSuffix(last)
        #expect(tensor.largestDifference(from: .full(tensor.shape, isLast ? 0 : 1)) == 0, "\(name)")
        zeros += isLast ? 1 : 0
      }
      #expect(zeros == architecture.depths.reduce(0, +))
    }
  }

  // MARK: -

  private func network(_ key: String) throws -> any ImageEncoder {
    let parts = key.split(separator: "-")
    let architecture = try #require(EncoderArchitecture(rawValue: String(parts[0])))
    let width = parts.contains("quarter") ? 0.25 : parts.contains("double") ? 2 : 1
    let settings = EncoderSettings(architecture, width: width, stem: parts.contains("cifar") ? .cifar : .imagenet)
    let network = settings.makeEncoder(generator: Generator(seed: 0))
    #expect(network.featureCount == settings.featureCount)
    return network
  }

  /// The network with the values that resnets.py describes.
  private func filled(_ key: String) throws -> any ImageEncoder {
    let network = try network(key)
    for (name, tensor) in network.stateDictionary() {
      let (scale, offset): (Float, Float)
      switch name {
      case _ where tensor.rank == 4:
        (scale, offset) = (Float((6 / Double(tensor.shape.dropFirst().reduce(1, *))).squareRoot()), 0)
      case _ where name.hasSuffix("running_var"): (scale, offset) = (0.2, 1)
      case _ where name.hasSuffix("bn2.weight") || name.hasSuffix("bn3.weight"): (scale, offset) = (0.05, 0.25)
      case _ where name.hasSuffix("weight"): (scale, offset) = (0.2, 1)
      case _ where name.hasSuffix("bias"): (scale, offset) = (1, 0)
      case _ where name.hasSuffix("running_mean"): (scale, offset) = (0.1, 0)
      default: continue
      }
      tensor.copy_(.pattern("\(key).\(name)", tensor.shape, scale: scale, offset: offset))
    }
    return network
  }

  /// How far results may be from the fixture's, which are float64 results stored as float32.
  private struct Tolerance {
    let evaluation: Double
    let training: Double
    let gradientNorm: Double
    /// Of an element, by the root mean square of its gradient.
    let gradient: Double
    let statistics: Double

    static let float64 = Tolerance(
      evaluation: 2e-7, training: 2e-7, gradientNorm: 2e-7, gradient: 2e-6, statistics: 2e-7)
    /// Rounding may flip a ReLU, which takes away the gradient at that place: torch's own float32 is as far off.
    static let float32 = Tolerance(
      evaluation: 2e-6, training: 2e-5, gradientNorm: 5e-3, gradient: 0.1, statistics: 1e-5)
  }

  private func compare(
    _ key: String, _ network: any ImageEncoder, _ tolerance: Tolerance, channelsLast: Bool = false
  ) throws {
    let dtype = network.namedParameters()[0].parameter.value.dtype
    var images = Tensor.pattern("\(key).input", try #require(networks[key]).input).to(dtype)
    if channelsLast { images = images.channelsLast() }

    network.evaluate()
    let evaluation = withoutGradients { network(images) }
    expectClose(
      evaluation, results["\(key)/evaluation"]!, relative: tolerance.evaluation, "features in evaluation")

    network.train()
    let training = network(images)
    expectClose(training, results["\(key)/training"]!, relative: tolerance.training, "features in training")
    (training * .pattern("\(key).cotangent", training.shape).to(dtype)).sum().backward()

    let parameters = network.namedParameters()
    let gradients = rows(results["\(key)/gradients"]!)
    #expect(gradients.count == parameters.count)
    for ((name, parameter), expected) in zip(parameters, gradients) {
      let gradient = try #require(parameter.gradient)
      #expect((gradient.exactNorm / expected[0] - 1).magnitude < tolerance.gradientNorm, "gradient norm of \(name)")
      let values = gradient.array(of: Double.self)
      let rootMeanSquare = expected[0] / Double(values.count).squareRoot()
      for (index, element) in zip(sampledIndices(count: values.count), expected.dropFirst()) {
        let deviation = (values[index] - element).magnitude / rootMeanSquare
        #expect(deviation < tolerance.gradient, "gradient of \(name)[\(index)]")
      }
    }

    let buffers = network.stateDictionary().filter { $0.name.contains("running_") }
    let statistics = rows(results["\(key)/statistics"]!)
    #expect(statistics.count == buffers.count)
    for ((name, buffer), expected) in zip(buffers, statistics) {
      #expect((buffer.exactNorm - expected[0]).magnitude <= tolerance.statistics * expected[0], "norm of \(name)")
      let values = buffer.array(of: Double.self)
      for (index, element) in zip(sampledIndices(count: values.count), expected.dropFirst()) {
        #expect(
          (values[index] - element).magnitude <= tolerance.statistics * max(1, element.magnitude), "\(name)[\(index)]")
      }
    }
    for (name, buffer) in network.stateDictionary() where name.hasSuffix("num_batches_tracked") {
      #expect(buffer.item() == 1, "\(name)")
    }
  }

  private func rows(_ matrix: Tensor) -> [[Double]] {
    let values = matrix.array(of: Double.self)
    let width = matrix.shape[1]
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  private func expectClose(_ actual: Tensor, _ expected: Tensor, relative: Double, _ what: Comment) {
    #expect(actual.largestDifference(from: expected) <= relative * expected.largestMagnitude, what)
  }
}
