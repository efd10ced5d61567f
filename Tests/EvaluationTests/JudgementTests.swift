import Evaluation
import Foundation
import Testing
import Torch

/// What scikit-learn, scipy and torchmetrics say, which `Fixtures/judgement.py` recorded.
struct JudgementFixture: Decodable {
  struct Judged: Decodable {
    let top1: Double
    let top5: Double
    let meanPerClass: Double
    let confusionMatrix: [[Int]]
    let expectedCalibrationError: Double
    let interval: [Double]
  }

  struct Logistic: Decodable {
    let weight: [[Double]]
    let bias: [Double]
  }

  /// Of the votes of `knn`, and of logistic regressions by their regularization.
  let judged: [String: Judged]
  let logistic: [String: Logistic]

  static func load() throws -> JudgementFixture {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/judgement.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(JudgementFixture.self, from: Data(contentsOf: file))
  }
}

@Suite("Judgement")
struct JudgementTests {
  @Test("accuracy, classes, confusion, calibration and interval are scikit-learn's, torchmetrics' and scipy's")
  func parity() throws {
    let fixture = try EvaluationFixture()
    let expected = try JudgementFixture.load().judged["knn"]!
    var judgement = Judgement(classCount: 7)
    judgement.add(probabilities: fixture["knn.scores"], labels: fixture.test.labels)
    check(judgement, expected)
  }

  /// Compares everything with the reference.
  static func check(_ judgement: Judgement, _ expected: JudgementFixture.Judged) {
    #expect(abs(judgement.accuracy.top1 - expected.top1) < 1e-9)
    #expect(abs(judgement.accuracy.top5 - expected.top5) < 1e-9)
    #expect(judgement.confusionMatrix == expected.confusionMatrix)
    let classes = judgement.classes(named: [])
    #expect(classes.map(\.name) == (0..<7).map(String.init))
    #expect(abs(classes.compactMap(\.top1).reduce(0, +) / 7 - expected.meanPerClass) < 1e-9)
    #expect(abs(judgement.calibration.expectedCalibrationError - expected.expectedCalibrationError) < 1e-5)
    #expect(judgement.calibration.bins.map(\.count).reduce(0, +) == judgement.imageCount)
    let interval = ConfidenceInterval(wilson: judgement.accuracy.top1 / 100, of: judgement.imageCount)
    #expect(abs(interval.low - expected.interval[0]) < 1e-9 && abs(interval.high - expected.interval[1]) < 1e-9)
    #expect(interval.level == 0.95 && interval.method == "wilson")
  }

  private func check(_ judgement: Judgement, _ expected: JudgementFixture.Judged) { Self.check(judgement, expected) }

  @Test("batches add up to the whole, and classes without images have no accuracy")
  func batches() {
    let scores = Tensor([0.9, 0.1, 0, 0.2, 0.7, 0.1, 0.4, 0.4, 0.2] as [Float], shape: [3, 3])
    var (whole, parts, second) = (Judgement(classCount: 3), Judgement(classCount: 3), Judgement(classCount: 3))
    whole.add(probabilities: scores, labels: [0, 0, 1])
    parts.add(probabilities: scores.narrow(0, 0..<1), labels: [0])
    second.add(probabilities: scores.narrow(0, 1..<3), labels: [0, 1])
    parts.add(second)
    #expect(parts == whole)
    // A tie goes to the class of the lower number.
    #expect(whole.confusionMatrix == [[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    let classes = whole.classes(named: ["cat", "dog", "eel"])
    #expect(classes.map(\.name) == ["cat", "dog", "eel"] && classes.map(\.count) == [2, 1, 0])
    #expect(classes.map(\.top1) == [50, 0, nil])
  }

  @Test("a classifier that is as sure as it is right has no calibration error, one that is always sure has its errors")
  func calibration() {
    var judgement = Judgement(classCount: 2)
    judgement.add(
      probabilities: Tensor([0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25] as [Float], shape: [4, 2]),
      labels: [0, 0, 0, 1])
    #expect(judgement.calibration.expectedCalibrationError == 0)
    #expect(judgement.calibration.bins.filter { $0.count > 0 } == [.init(count: 4, confidence: 0.75, accuracy: 0.75)])
    var sure = Judgement(classCount: 2)
    sure.add(probabilities: Tensor([1, 0, 1, 0] as [Float], shape: [2, 2]), labels: [0, 1])
    #expect(sure.calibration.expectedCalibrationError == 0.5)
  }

  @Test("Wilson's interval stays within 0 and 100 %, and narrows with images")
  func interval() {
    let (none, all) = (ConfidenceInterval(wilson: 0, of: 10), ConfidenceInterval(wilson: 1, of: 10))
    #expect(none.low == 0 && abs(none.high - 27.7533) < 1e-4)
    #expect(all.high == 100 && abs(all.low - 72.2467) < 1e-4)
    #expect(ConfidenceInterval(wilson: 0.5, of: 10_000).high < 51)
  }
}

extension Calibration.Bin {
  init(count: Int, confidence: Double, accuracy: Double) {
    self.init()
    (self.count, self.confidence, self.accuracy) = (count, confidence, accuracy)
  }
}
