import DataSets
import Evaluation
import Foundation
import Pretraining

// Carries out protocols and shows how far they are.
extension EvaluationSubject {
  /// - Parameters:
  ///   - neighbors: nil for the run's.
  ///   - temperature: nil for the run's.
  ///   - choose: whether both are chosen on a part of the train images instead.
  func nearestNeighbors(
    neighbors: Int?, temperature: Double?, choose: Bool, seed: UInt64
  ) throws -> EvaluationOutcome {
    let (train, test) = try (trainFeatures(), testFeatures())
    defer { console.endLive() }
    var settings = NearestNeighbors(
      k: neighbors ?? configuration.evaluation.knnNeighbors,
      temperature: temperature ?? configuration.evaluation.knnTemperature)
    var choice: HyperparameterChoice?
    if choose {
      (settings, choice) = try NearestNeighbors.choose(on: train, seed: seed) {
        console.live("kNN  choosing  \($0)/\($1) images held out")
      }
    }
    let judgement = try settings.judge(train: train, test: test) { console.live("kNN  \($0)/\($1) test images") }
    return EvaluationOutcome(.knn(settings), judgement, trainCount: train.count, choice: choice)
  }

  func linearProbe(_ probe: LinearProbe, seed: UInt64) throws -> EvaluationOutcome {
    let (train, test) = try (trainFeatures(), testFeatures())
    defer { console.endLive() }
    let (judgement, curve) = try probe.judge(train: train, test: test, seed: seed, onEpoch: showEpoch)
    return EvaluationOutcome(.linear(probe), judgement, trainCount: train.count, curve: curve)
  }

  func augmentedLinearProbe(_ probe: AugmentedLinearProbe, seed: UInt64) throws -> EvaluationOutcome {
    let test = try testFeatures()
    defer { console.endLive() }
    let images = trainImages
    let (judgement, curve) = try probe.judge(
      train: crops(of: images, seed: seed), test: test, by: embedding.extractor, onEpoch: showEpoch)
    return EvaluationOutcome(.augmentedLinear(probe), judgement, trainCount: images.count, curve: curve)
  }

  func logisticRegression(_ settings: LogisticRegression, seed: UInt64) throws -> EvaluationOutcome {
    let (train, test) = try (trainFeatures(), testFeatures())
    defer { console.endLive() }
    let (classifier, settings, choice) = try settings.train(on: train, seed: seed) { console.live("linear  \($0)") }
    return EvaluationOutcome(
      .logistic(settings), try classifier.judge(test), trainCount: train.count, choice: choice)
  }

  private func showEpoch(_ done: Int, _ total: Int, _ loss: Double) {
    console.live("linear  epoch \(done)/\(total)  loss \(loss.fixed(4))")
  }
}
