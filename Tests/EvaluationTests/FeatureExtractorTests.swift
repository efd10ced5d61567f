import Augmentation
import DataSets
import Encoders
import Evaluation
import Loading
import Pretraining
import Testing
import Torch
import TorchNN

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

  @Test("the hash of an encoder is that of its bits, wherever they lie, and another after one changed")
  func hash() {
    let hash = FeatureExtractor(encoder, channelsLast: true).encoderHash
    #expect(hash.count == 64)
    #expect(FeatureExtractor(encoder, channelsLast: false).encoderHash == hash)
    var element = encoder.stateDictionary().first { $0.name == "bn1.running_mean" }!.tensor
    while element.rank > 0 { element = element.select(0, 0) }
    element.mul_(-1)
    #expect(encoder.stateHash() != hash)
  }

  @Test("batch statistics taken in by the encoder are noticed")
  func trainedOn() throws {
    let extractor = FeatureExtractor(encoder)
    encoder.train()
    _ = encoder(images)
    let error = try #require(throws: EvaluationError.self) { try extractor.requireFrozen() }
    #expect(error.description.hasSuffix("bn1.running_mean is not what it was"))
  }

  // MARK: - Over a data set

  private func loader(_ dataSet: any ImageDataSet, batchSize: Int = 32) -> LabeledLoader {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 16
    return LabeledLoader(
      dataSet: dataSet, transform: EvaluationTransform(configuration), batchSize: batchSize, threads: 2)
  }

  @Test("a data set's features come in its order with labels and class names, whatever the batch size")
  func dataSet() throws {
    let extractor = FeatureExtractor(encoder)
    var progress: [[Int]] = []
    let features = try extractor.features(of: loader(StripedImages(count: 70))) { progress.append([$0, $1]) }
    #expect(progress == [[32, 70], [64, 70], [70, 70]])
    #expect(features.values.shape == [70, 64])
    #expect(features.labels == (0..<70).map { $0 % 2 })
    #expect(features.sampleIndices == Array(0..<70))
    #expect(features.classNames == ["horizontal", "vertical"])
    var normalized = [Float](repeating: 0, count: 3 * 16 * 16)
    let image = try StripedImages(count: 70).image(at: 40)
    normalized.withUnsafeMutableBufferPointer {
      AugmentationConfiguration().normalization.write(image, to: $0)
    }
    let alone = extractor(Tensor(normalized, shape: [1, 3, 16, 16]))
    #expect(greatestDifference(alone, features.values.narrow(0, 40..<41)) < 1e-5)
    let smaller = try extractor.features(of: loader(StripedImages(count: 70), batchSize: 7))
    #expect(greatestDifference(smaller.values, features.values) < 1e-5)
    #expect(smaller.labels == features.labels)
  }

  @Test("an image that cannot be read is left out, and the others keep their labels")
  func badImage() throws {
    let features = try FeatureExtractor(encoder).features(of: loader(StripedImages(count: 120, unreadable: [33])))
    #expect(features.sampleIndices == Array(0..<33) + Array(34..<120))
    #expect(features.labels == features.sampleIndices.map { $0 % 2 })
    #expect(features.values.shape == [119, 64])
  }

  @Test("too many unreadable images end the extraction with the reader's error")
  func tooManyBadImages() {
    #expect(throws: LoadingError.self) {
      try FeatureExtractor(encoder).features(of: loader(StripedImages(count: 40, unreadable: [1, 2])))
    }
  }

  @Test("features of a data set without labels can be exported, but not evaluated")
  func unlabeledDataSet() throws {
    let features = try FeatureExtractor(encoder).features(of: loader(StripedImages(count: 3, isLabeled: false)))
    #expect(features.labels == [-1, -1, -1])
    let error = try #require(throws: EvaluationError.self) {
      try NearestNeighbors().accuracy(train: features, test: features)
    }
    #expect(error.description.hasPrefix("evaluation needs labeled images, but 3 of 3 train images have no label."))
  }

  @Test("an encoder that changes between two batches is refused")
  func mutatedBetweenBatches() throws {
    let extractor = FeatureExtractor(encoder)
    let error = try #require(throws: EvaluationError.self) {
      try extractor.features(of: loader(StripedImages(count: 64))) { _, _ in
        encoder.stateDictionary().first { $0.name == "layer1.0.bn1.bias" }!.tensor.fill_(1)
      }
    }
    #expect(error.description.hasSuffix("layer1.0.bn1.bias is not what it was"))
  }

  @Test("an untrained encoder tells horizontal from vertical stripes far more often than by chance, which is 50 %")
  func endToEnd() throws {
    let extractor = FeatureExtractor(encoder, precision: .bfloat16)
    let train = try extractor.features(of: loader(StripedImages(count: 80)))
    let test = try extractor.features(of: loader(StripedImages(count: 200, first: 1000)))
    #expect(try NearestNeighbors(k: 5).accuracy(train: train, test: test).top1 > 75)
    #expect(try LinearProbe(batchSize: 16).train(on: train, seed: 1).accuracy(on: test).top1 > 75)
  }
}
