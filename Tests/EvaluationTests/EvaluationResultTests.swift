import Evaluation
import Foundation
import Pretraining
import Testing
import Torch

@Suite("Evaluation result")
struct EvaluationResultTests {
  private func result(
    _ protocol: EvaluationProtocol, choice: HyperparameterChoice? = nil, folds: [Int]? = nil
  ) throws -> EvaluationResult {
    var judgement = Judgement(classCount: 2)
    judgement.add(probabilities: Tensor([0.9, 0.1, 0.8, 0.2] as [Float], shape: [2, 2]), labels: [0, 1])
    judgement.add(probabilities: Tensor([0.3, 0.7, 0.6, 0.4] as [Float], shape: [2, 2]), labels: [1, 0])
    var other = Judgement(classCount: 2)
    other.add(probabilities: Tensor([0.9, 0.1] as [Float], shape: [1, 2]).expanded([4, 2]), labels: [0, 1, 1, 0])
    let outcomes = [judgement, other].prefix(folds?.count ?? 1).map {
      EvaluationOutcome(
        `protocol`, $0, trainCount: 6, curve: [EpochFigures(epoch: 1, loss: 0.5, top1: 75)], choice: choice)
    }
    return EvaluationResult(
      outcomes, folds: folds,
      .init(
        encoder: "resnet18, width 0.25, cifar stem", encoderHash: .init(before: "ab", after: "ab"),
        isRandomInitialization: true, featureDimension: 2, precision: .float32, seed: .max,
        data: .init(
          train: EvaluatedImages(StripedImages(count: 6), at: "stripes/train"),
          test: EvaluatedImages(StripedImages(count: 4), at: "stripes/test")),
        classNames: ["circle", "square"], testCount: 4))
  }

  @Test("JSON has snake-case keys, the protocol's name and its hyperparameters, and all that tells of errors")
  func keys() throws {
    let object =
      try JSONSerialization.jsonObject(with: result(.knn(NearestNeighbors())).json()) as! [String: Any]
    #expect(
      object.keys.sorted() == [
        "calibration", "class_count", "classes", "confusion_matrix", "curve", "data", "encoder", "encoder_hash",
        "feature_dimension", "is_random_initialization", "mean_per_class", "precision", "protocol", "seed",
        "test_count", "top1", "top1_interval", "top5", "top5_interval", "train_count", "version",
      ])
    #expect(object["top1"] as? Double == 75)
    #expect(object["top5"] as? Double == 100)
    #expect(object["mean_per_class"] as? Double == 75)
    #expect(object["confusion_matrix"] as? [[Int]] == [[2, 0], [1, 1]])
    #expect(object["class_count"] as? Int == 2)
    #expect(object["train_count"] as? Int == 6)
    #expect(object["test_count"] as? Int == 4)
    #expect(object["seed"] as? UInt64 == .max)
    #expect(object["is_random_initialization"] as? Bool == true)
    let test = (object["data"] as! [String: [String: Any]])["test"]!
    #expect(test["path"] as? String == "stripes/test" && test["image_count"] as? Int == 4)
    #expect((test["fingerprint"] as! [String: String]).keys.sorted() == ["contents", "labels", "names"])
    #expect((object["encoder_hash"] as! [String: String]) == ["before": "ab", "after": "ab"])
    let interval = object["top1_interval"] as! [String: Any]
    #expect(interval["method"] as? String == "wilson" && abs((interval["low"] as! Double) - 30.0642) < 1e-4)
    #expect((object["classes"] as! [[String: Any]]).map { $0["name"] as? String } == ["circle", "square"])
    let knn = object["protocol"] as! [String: Any]
    #expect(knn.keys.sorted() == ["k", "name", "temperature"])
    #expect(knn["name"] as? String == "knn")

    let linear = try JSONSerialization.jsonObject(with: result(.linear(.paper)).json()) as! [String: Any]
    #expect(
      (linear["protocol"] as! [String: Any]).keys.sorted() == [
        "batch_size", "epochs", "learning_rate", "momentum", "name", "nesterov", "standardizes_features",
        "weight_decay",
      ])
  }

  @Test("lists of numbers are written in one line, texts with brackets stay as they are")
  func readable() throws {
    struct Value: Encodable {
      let text = "[1,  2]\" [3,\n4]"
      let rows = [[1, 2], [3, 4]]
      let none: [Int] = []
      let words = ["a"]
    }
    let text = String(decoding: try ReadableJSON.data(Value()), as: UTF8.self)
    #expect(
      text == """
        {
          "none" : [],
          "rows" : [
            [1, 2],
            [3, 4]
          ],
          "text" : "[1,  2]\\" [3,\\n4]",
          "words" : [
            "a"
          ]
        }

        """)
  }

  @Test(
    "a result survives JSON",
    arguments: [
      EvaluationProtocol.knn(NearestNeighbors(k: 7)), .linear(.simclr), .logistic(.init(regularization: 1)),
      .augmentedLinear(.init(epochs: 3)), .fineTuning(.init(labelPercent: 1)),
    ])
  func roundTrip(protocol: EvaluationProtocol) throws {
    let choice = HyperparameterChoice(
      heldOutCount: 5, candidates: [.init(values: ["regularization": 0.5], top1: 40)])
    var result = try result(`protocol`, choice: choice)
    result.baseline = .init(result)
    #expect(try EvaluationResult(json: result.json()) == result)
  }

  @Test("a result over folds lists each, its accuracy is their mean and its interval that of the test images")
  func folds() throws {
    let result = try result(.linear(.paper), folds: [4, 7])
    #expect(result.top1 == 62.5 && result.trainCount == 6 && result.testCount == 4)
    #expect(result.confusionMatrix == [[4, 0], [3, 1]])
    #expect(result.curve == nil && result.choice == nil)
    #expect(result.top1Interval == ConfidenceInterval(wilson: 0.625, of: 4))
    let object = try JSONSerialization.jsonObject(with: result.json()) as! [String: Any]
    let folds = object["folds"] as! [[String: Any]]
    #expect(folds.map { $0["fold"] as? Int } == [4, 7] && folds.map { $0["top1"] as? Double } == [75, 50])
    #expect(try EvaluationResult(json: result.json()) == result)
  }

  @Test("results are compared where images, seed and protocol are the same, chosen hyperparameters aside")
  func comparable() throws {
    let result = try result(.knn(NearestNeighbors(k: 5)))
    var other = result
    other.encoderHash = .init(before: "cd", after: "cd")
    #expect(result.isComparable(with: other))
    other.protocol = .knn(NearestNeighbors(k: 6))
    #expect(!result.isComparable(with: other))
    let choice = HyperparameterChoice(heldOutCount: 5, candidates: [.init(values: ["k": 5], top1: 40)])
    var (chosen, chosenToo) = (result, other)
    chosen.choice = choice
    #expect(!chosen.isComparable(with: chosenToo))
    chosenToo.choice = choice
    #expect(chosen.isComparable(with: chosenToo))
    chosenToo.data.test = chosenToo.data.train
    #expect(!chosen.isComparable(with: chosenToo))
    other = result
    other.seed = 1
    #expect(!result.isComparable(with: other))
  }

  @Test("what is no result is refused, and an unknown protocol is named")
  func notAResult() throws {
    #expect(throws: EvaluationError.self) { try EvaluationResult(json: Data("{}".utf8)) }
    let strange = String(decoding: try result(.knn(NearestNeighbors())).json(), as: UTF8.self)
      .replacingOccurrences(of: "\"knn\"", with: "\"oracle\"")
    let error = try #require(throws: EvaluationError.self) { try EvaluationResult(json: Data(strange.utf8)) }
    #expect(
      error.description.contains(
        "unknown evaluation protocol 'oracle': expected knn, linear, linear-lbfgs, linear-simclr or finetune"))
  }

  @Test("the file holds the JSON; a folder that is missing is named")
  func file() throws {
    let result = try result(.linear(.paper))
    try withTemporaryFolder { folder in
      try result.write(to: folder.appendingPathComponent("linear.json"))
      #expect(try Data(contentsOf: folder.appendingPathComponent("linear.json")) == result.json())
      let missing = folder.appendingPathComponent("absent/linear.json")
      let error = try #require(throws: (any Error).self) { try result.write(to: missing) }
      #expect("\(error)" == "cannot write \(missing.path): No such file or directory")
    }
  }
}

/// A folder that is there while `body` runs.
func withTemporaryFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("evaluation-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}
