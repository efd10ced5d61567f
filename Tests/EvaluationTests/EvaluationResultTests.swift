import Evaluation
import Foundation
import Testing

@Suite("Evaluation result")
struct EvaluationResultTests {
  private func result(_ protocol: EvaluationProtocol) -> EvaluationResult {
    EvaluationResult(
      `protocol`, Accuracy(top1: 49.2, top5: 93.625), train: twoClasses(perClass: 3), test: twoClasses(perClass: 2),
      seed: .max, encoder: "resnet18, width 0.25, cifar stem", isRandomInitialization: true)
  }

  @Test("JSON has snake-case keys, the protocol's name and its hyperparameters")
  func keys() throws {
    let object = try JSONSerialization.jsonObject(with: result(.knn(NearestNeighbors())).json()) as! [String: Any]
    #expect(
      object.keys.sorted() == [
        "class_count", "encoder", "feature_dimension", "is_random_initialization", "protocol", "seed", "test_count",
        "top1", "top5", "train_count",
      ])
    #expect(object["top1"] as? Double == 49.2)
    #expect(object["top5"] as? Double == 93.625)
    #expect(object["class_count"] as? Int == 2)
    #expect(object["train_count"] as? Int == 6)
    #expect(object["test_count"] as? Int == 4)
    #expect(object["seed"] as? UInt64 == .max)
    #expect(object["is_random_initialization"] as? Bool == true)
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

  @Test("a result survives JSON", arguments: [EvaluationProtocol.knn(NearestNeighbors(k: 7)), .linear(.simclr)])
  func roundTrip(protocol: EvaluationProtocol) throws {
    let result = result(`protocol`)
    #expect(try EvaluationResult(json: result.json()) == result)
  }

  @Test("a result over folds lists each, and its accuracy is their mean")
  func folds() throws {
    let parts = [Accuracy(top1: 50, top5: 90), Accuracy(top1: 53, top5: 96)]
    let mean = Accuracy(meanOf: parts)
    #expect(mean == Accuracy(top1: 51.5, top5: 93))
    let result = EvaluationResult(
      .linear(.paper), mean, train: twoClasses(perClass: 3), test: twoClasses(perClass: 2), seed: 0, encoder: "",
      isRandomInitialization: false, folds: zip([4, 7], parts).map { .init($0, $1) })
    let object = try JSONSerialization.jsonObject(with: result.json()) as! [String: Any]
    let folds = object["folds"] as! [[String: Any]]
    #expect(folds.map { $0["fold"] as? Int } == [4, 7] && folds.map { $0["top1"] as? Double } == [50, 53])
    #expect(try EvaluationResult(json: result.json()) == result)
  }

  @Test("what is no result is refused, and an unknown protocol is named")
  func notAResult() throws {
    #expect(throws: EvaluationError.self) { try EvaluationResult(json: Data("{}".utf8)) }
    let strange = String(decoding: try result(.knn(NearestNeighbors())).json(), as: UTF8.self)
      .replacingOccurrences(of: "\"knn\"", with: "\"oracle\"")
    let error = try #require(throws: EvaluationError.self) { try EvaluationResult(json: Data(strange.utf8)) }
    #expect(error.description.contains("unknown evaluation protocol 'oracle': expected knn or linear"))
  }

  @Test("the file holds the JSON; a folder that is missing is named")
  func file() throws {
    let result = result(.linear(.paper))
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
