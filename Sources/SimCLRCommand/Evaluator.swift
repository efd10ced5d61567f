import DataSets
import Encoders
import Evaluation
import Foundation
import Pretraining
import Torch
import TorchNN

/// Measures an encoder on one data set by protocols and, beside it, the same one untrained; confirms that the encoder stayed as
/// it was; and keeps what came of it in the run's folder, if it is of a run. Features are computed once for all protocols.
final class Evaluator {
  private let encoder: EncoderSelection
  private let images: ImageSelection
  private let data: EvaluationImages
  private let device: String
  private let precision: EvaluationPrecision
  private let measuresBaseline: Bool
  private let console: Console
  /// The encoder as it was selected, and untrained.
  private var subjects: [Bool: EvaluationSubject] = [:]

  typealias Work = (EvaluationSubject) throws -> EvaluationOutcome

  init(
    _ encoder: EncoderSelection, images: ImageSelection, data: EvaluationImages, device: String,
    precision: EvaluationPrecision, measuresBaseline: Bool, console: Console
  ) {
    (self.encoder, self.images, self.data, self.device) = (encoder, images, data, device)
    (self.precision, self.measuresBaseline, self.console) = (precision, measuresBaseline, console)
  }

  /// - Parameter name: of the result's file, without what the choice of weights adds.
  func result(named name: String, seed: UInt64, by carryOut: Work) throws -> EvaluationResult {
    var result = try measure(subject(isUntrained: false), seed: seed, by: carryOut)
    if measuresBaseline, !encoder.randomInitialization {
      result.baseline = .init(try untrained(named: name, comparableWith: result, by: carryOut))
    }
    try save(result, named: name + encoder.suffix)
    return result
  }

  private func subject(isUntrained: Bool) throws -> EvaluationSubject {
    if let known = subjects[isUntrained] { return known }
    let embedding = try Embedding(
      encoder, untrained: isUntrained, images: images, device: device, precision: precision, console: console)
    let subject = EvaluationSubject(embedding, data, console: console)
    subjects[isUntrained] = subject
    return subject
  }

  private func measure(_ subject: EvaluationSubject, seed: UInt64, by carryOut: Work) throws -> EvaluationResult {
    let embedding = subject.embedding
    let outcomes: [EvaluationOutcome]
    if let folds = data.folds {
      outcomes = try folds.map { fold in
        subject.fold = fold.images
        return try carryOut(subject)
      }
    } else {
      outcomes = [try carryOut(subject)]
    }
    let extractor = embedding.extractor
    try extractor.requireFrozen()
    return EvaluationResult(
      outcomes, folds: data.folds?.map(\.number),
      .init(
        encoder: embedding.encoderDescription,
        encoderHash: .init(before: extractor.encoderHash, after: extractor.encoder.stateHash()),
        isRandomInitialization: embedding.isRandomlyInitialized,
        featureDimension: extractor.encoder.featureCount, precision: precision.dtype, seed: seed,
        data: data.data, classNames: data.train.classNames, testCount: outcomes[0].judgement.imageCount))
  }

  /// The result of the untrained encoder: the one that the run has, if it was measured in the same way, else a new one, which
  /// is kept.
  private func untrained(
    named name: String, comparableWith result: EvaluationResult, by carryOut: Work
  ) throws -> EvaluationResult {
    let subject = try subject(isUntrained: true)
    let name = name + "-random"
    if let url = url(of: name), let known = try? Data(contentsOf: url), let saved = try? EvaluationResult(json: known),
      saved.isComparable(with: result), saved.encoderHash.before == subject.embedding.extractor.encoderHash
    {
      return saved
    }
    console.note("and the same encoder untrained, the baseline (--no-baseline leaves it out)")
    let untrained = try measure(subject, seed: result.seed, by: carryOut)
    try save(untrained, named: name)
    return untrained
  }

  private func save(_ result: EvaluationResult, named name: String) throws {
    guard let run = encoder.run, let url = url(of: name) else { return }
    try run.makeFolder(run.evaluationURL)
    try result.write(to: url)
  }

  /// Nil where the encoder is not of a run.
  private func url(of name: String) -> URL? { encoder.run?.evaluationURL.appendingPathComponent("\(name).json") }
}
