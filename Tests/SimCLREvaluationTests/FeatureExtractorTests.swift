import SimCLR
import SimCLREvaluation
import Testing
import Torch

@Suite("Feature extractor")
struct FeatureExtractorTests {
  private let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 1))
  private let images = Tensor.randn([4, 3, 16, 16], generator: Generator(seed: 2))

  @Test("features of an image do not depend on the images beside it, also when the encoder was left in training mode")
  func evaluationMode() throws {
    encoder.train()
    let extractor = FeatureExtractor(encoder)
    let together = extractor(images)
    #expect(together.shape == [4, 64])
    #expect(together.dtype == .float32)
    #expect(!together.requiresGradient)
    #expect(greatestDifference(extractor(images.narrow(0, 2..<3)), together.narrow(0, 2..<3)) < 1e-5)
    #expect(encoder.isTraining)
    try extractor.requireFrozen()
  }

  @Test("memory order does not matter, bfloat16 stays within its rounding")
  func precision() {
    let features = FeatureExtractor(encoder, channelsLast: false)(images)
    #expect(greatestDifference(features, FeatureExtractor(encoder)(images)) < 1e-5)
    let rounded = FeatureExtractor(encoder, precision: .bfloat16)(images)
    #expect(rounded.dtype == .float32)
    let difference = greatestDifference(rounded, features)
    #expect(difference > 0)
    #expect(difference < 0.05 * features.abs().max().item())
  }

  @Test("one changed bit of a parameter or buffer is noticed and named", arguments: ["weight", "statistics"])
  func mutated(what: String) throws {
    let extractor = FeatureExtractor(encoder)
    try extractor.requireFrozen()
    let name = what == "weight" ? "layer3.0.conv2.weight" : "bn1.running_mean"
    var element = encoder.stateDictionary().first { $0.name == name }!.tensor
    while element.rank > 0 { element = element.select(0, 0) }
    // Of a running mean of 0 it makes −0, which is the same number in other bits.
    element.mul_(-1)
    let error = try #require(throws: EvaluationError.self) { try extractor.requireFrozen() }
    #expect(
      error.description == "the encoder changed while it was evaluated, so the result would not be of the encoder "
        + "given: \(name) is not what it was")
  }
}
