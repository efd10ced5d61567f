import Augmentation
import DataSets
import Encoders
import Evaluation
import Loading
import TestSupport
import Testing
import Torch
import TorchNN

@Suite("Learning from crops")
struct LabeledCropsTests {
  private let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 1))

  private func augmentation() -> AugmentationConfiguration {
    var result = AugmentationConfiguration()
    result.imageSize = 16
    // What is not a crop or a flip must not come through.
    (result.jitterProbability, result.blurProbability, result.grayscaleProbability) = (1, 1, 1)
    result.localViews.count = 2
    return result
  }

  private func crops(
    _ images: StripedImages, batchSize: Int? = nil, seed: UInt64 = 0, whole: Bool = false
  ) throws -> LabeledCrops {
    var augmentation = augmentation()
    if whole {
      (augmentation.cropScaleMinimum, augmentation.cropScaleMaximum) = (1, 1)
      (augmentation.cropAspectRatioMinimum, augmentation.cropAspectRatioMaximum) = (1, 1)
    }
    return try LabeledCrops(
      images, augmentation: augmentation, batchSize: batchSize, seed: seed, options: .init(threads: 1))
  }

  private func testFeatures(_ extractor: FeatureExtractor) throws -> Features {
    try extractor.features(
      of: LabeledLoader(
        dataSet: StripedImages(count: 60, first: 1000), transform: EvaluationTransform(augmentation()), batchSize: 32,
        threads: 1))
  }

  @Test("an epoch has every image once with its label, in another order in every epoch, cropped and mirrored only")
  func epochs() throws {
    let images = StripedImages(count: 30)
    let crops = try crops(images, whole: true)
    let normalization = augmentation().normalization
    func image(_ index: Int, mirrored: Bool) throws -> [Float] {
      var values = [Float](repeating: 0, count: 3 * 16 * 16)
      let image = try images.image(at: index)
      values.withUnsafeMutableBufferPointer { normalization.write(image, to: $0) }
      guard mirrored else { return values }
      return (0..<values.count).map { values[$0 / 16 * 16 + 15 - $0 % 16] }
    }
    let expected = try Tensor.stack(
      (0..<60).map { Tensor(try image($0 / 2, mirrored: $0 % 2 == 1)) })
    var orders: [[Int]] = []
    for epoch in 0..<2 {
      var order: [Int] = []
      try crops.forEachBatch(inEpoch: epoch) { batch, labels in
        #expect(batch.shape == [30, 3, 16, 16] && labels.count == 30)
        for (place, label) in labels.enumerated() {
          let off = (expected - batch.select(0, place).contiguous().flattened()).abs().amax(1)
          let index = Int((-off).argmax(0).item()) / 2
          #expect(off.min().item() < 1e-5 && label == index % 2)
          order.append(index)
        }
      }
      #expect(order.sorted() == Array(0..<30))
      orders.append(order)
    }
    #expect(orders[0] != orders[1])
  }

  @Test("where images do not fill whole parts, hardly any are left out of an epoch")
  func parts() throws {
    let crops = try crops(StripedImages(count: 300))
    var counts: [Int] = []
    try crops.forEachBatch(inEpoch: 0) { _, labels in counts.append(labels.count) }
    #expect(counts == [150, 150])
  }

  @Test("images without labels are refused in one line")
  func unlabeled() {
    #expect(
      message { _ = try crops(StripedImages(count: 4, isLabeled: false)) }
        == "a classifier learns from labeled images, but 4 of 4 train images have no label. "
        + "Put the images of each class into a folder of its own, such as train/CLASS/image.jpg")
  }

  @Test("a step of SimCLR's linear evaluation is the gradient of the features of its crops")
  func step() throws {
    let extractor = FeatureExtractor(encoder)
    let crops = try crops(StripedImages(count: 20))
    let test = try testFeatures(extractor)
    let probe = AugmentedLinearProbe(epochs: 1, learningRatePer256: 2.56, batchSize: 4096)
    let (judgement, curve) = try probe.judge(train: crops, test: test, by: extractor)
    var expected = Judgement(classCount: 2)
    try crops.forEachBatch(inEpoch: 0) { images, labels in
      let features = extractor(images)
      // Of two classes with equal scores, whose probabilities are one half; Nesterov's first step is 1.9 times the gradient,
      // the rate 2.56 · 20 / 256.
      let signs = Tensor(labels.map { Float($0 == 0 ? 0.5 : -0.5) }).unsqueezed(1)
      let weight = (features * signs).mean(0) * (1.9 * 0.2)
      let score = test.values.matmul(weight.unsqueezed(1)).flattened()
      let logits = Tensor.stack([score, -score], dimension: 1)
      expected.add(probabilities: Functional.softmax(logits), labels: test.labels)
    }
    #expect(judgement.confusionMatrix == expected.confusionMatrix)
    #expect(
      abs(judgement.calibration.expectedCalibrationError - expected.calibration.expectedCalibrationError) < 1e-4)
    #expect(curve.count == 1 && abs(curve[0].loss - 0.693147) < 1e-5)
    try extractor.requireFrozen()
  }

  @Test("steps take as many images as asked for, whatever is loaded at a time, and stripes are told apart")
  func learning() throws {
    let extractor = FeatureExtractor(encoder)
    let crops = try crops(StripedImages(count: 64))
    let probe = AugmentedLinearProbe(epochs: 8, learningRatePer256: 2, batchSize: 24)
    var heard: [Int] = []
    let (judgement, curve) = try probe.judge(train: crops, test: testFeatures(extractor), by: extractor) {
      done, total, _ in
      heard.append(done)
      #expect(total == 8)
    }
    #expect(heard == Array(1...8) && curve.map(\.epoch) == heard)
    #expect(curve.last!.top1 == judgement.accuracy.top1 && judgement.accuracy.top1 > 60)
    #expect(curve.last!.loss < curve[0].loss)
    #expect(
      message {
        _ = try AugmentedLinearProbe(epochs: 0).judge(train: crops, test: testFeatures(extractor), by: extractor)
      }
        == "linear evaluation: expected epochs of at least 1, got 0")
  }

  @Test("fine-tuning changes the encoder and learns; the same seed gives the same result")
  func fineTuning() throws {
    func tuned() throws -> (Judgement, String) {
      let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 1))
      let settings = FineTuning(labelPercent: 100, epochs: 6, learningRatePer256: 2, batchSize: 16)
      let crops = try crops(StripedImages(count: 64), batchSize: 16)
      var losses: [Double] = []
      let judgement = try settings.judge(
        encoder, train: crops, classNames: ["horizontal", "vertical"], onEpoch: { losses.append($2) },
        testFeatures: testFeatures)
      #expect(losses.count == 6 && losses.last! < losses[0])
      return (judgement, encoder.stateHash())
    }
    let (judgement, hash) = try tuned()
    #expect(judgement.accuracy.top1 > 75)
    #expect(hash != encoder.stateHash())
    #expect(try tuned() == (judgement, hash))
  }

  @Test("SimCLR's epochs follow from the share of labels; values out of range are refused in one line")
  func fineTuningSettings() {
    #expect([1, 10, 100].map { FineTuning(labelPercent: $0).epochs } == [60, 30, 30])
    #expect(
      message { _ = try FineTuning(labelPercent: 0).validate() }
        == "fine-tuning: expected labels above 0 and up to 100 percent, got 0.0")
    #expect(
      message { _ = try FineTuning(labelPercent: 1, batchSize: 1).validate() }
        == "fine-tuning: expected a batch size of at least 2, got 1")
  }

  @Test("a share of the labels has the same part of every class, at least one image, chosen by the seed")
  func labelShare() throws {
    let images = StripedImages(count: 100)
    let tenth = try LabelShare.indices(of: images, percent: 10, seed: 0)
    #expect(tenth == tenth.sorted() && Set(tenth).count == 10)
    #expect(tenth.filter { $0 % 2 == 0 }.count == 5)
    #expect(try LabelShare.indices(of: images, percent: 10, seed: 0) == tenth)
    #expect(try LabelShare.indices(of: images, percent: 10, seed: 1) != tenth)
    #expect(try LabelShare.indices(of: images, percent: 0.1, seed: 0).map { $0 % 2 }.sorted() == [0, 1])
    #expect(try LabelShare.indices(of: images, percent: 100, seed: 0) == Array(0..<100))
    #expect(
      message { _ = try LabelShare.indices(of: StripedImages(count: 4, isLabeled: false), percent: 10, seed: 0) }
        == "a share of the labels was asked for, but stripes 0 has none")
  }
}
