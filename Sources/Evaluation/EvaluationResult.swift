import Foundation
import Pretraining
import Torch

/// A measured accuracy with all that it takes to judge and repeat it.
///
/// In JSON, keys are in snake case: `protocol`, `top1`, `top1_interval`, `encoder_hash`, `confusion_matrix` and so on; what
/// there is none of is left out.
public struct EvaluationResult: Codable, Sendable, Equatable {
  public var `protocol`: EvaluationProtocol
  /// Percent of the test images, 0…100; over folds the mean.
  public var top1: Double
  /// Percent of the test images, 0…100; over folds the mean.
  public var top5: Double
  /// Of ``top1``, for the choice of test images.
  public var top1Interval: ConfidenceInterval
  /// Of ``top5``, for the choice of test images.
  public var top5Interval: ConfidenceInterval
  /// The mean of the classes' own top-1, over those that have test images, in percent.
  public var meanPerClass: Double
  public var classes: [ClassAccuracy]
  /// Rows are the classes of images, columns those that they were given; over folds the sum.
  public var confusionMatrix: [[Int]]
  public var calibration: Calibration
  public var classCount: Int
  /// Train images that taught; of folds, in one of them.
  public var trainCount: Int
  /// Test images that were judged.
  public var testCount: Int
  /// Features of an image.
  public var featureDimension: Int
  /// The seed of the evaluation: of orders, crops and what is held out. Where nothing is drawn it decides nothing.
  public var seed: UInt64
  /// Which encoder, in words: architecture, width, stem.
  public var encoder: String
  /// Of the encoder's parameters and buffers.
  public var encoderHash: EncoderHash
  /// Whether the encoder was never trained: the baseline that a trained one has to beat.
  public var isRandomInitialization: Bool
  /// Which images taught and which were judged.
  public var data: EvaluatedData
  /// What convolutions ran in: `float32` or `bfloat16`.
  public var precision: String
  /// The program's.
  public var version: String
  /// What the same protocol made of the same images with the encoder's first weights, untrained; nil where this is that,
  /// and where it was not asked for.
  public var baseline: Baseline?
  /// After every epoch of the classifier; nil over folds, and where there are no epochs.
  public var curve: [EpochFigures]?
  /// How hyperparameters were chosen; nil where they were given, and over folds, each of which chooses its own.
  public var choice: HyperparameterChoice?
  /// Where train images were taken in predefined folds (STL-10), the accuracy with each.
  public var folds: [Fold]?

  /// What one fold of the train images taught.
  public struct Fold: Codable, Sendable, Equatable {
    /// From 0.
    public var fold: Int
    public var top1: Double
    public var top5: Double

    /// The accuracy of a fold, by its number from 0.
    public init(_ fold: Int, _ accuracy: Accuracy) { (self.fold, top1, top5) = (fold, accuracy.top1, accuracy.top5) }
  }

  /// The SHA-256 of an encoder's state, taken twice. A frozen encoder has the same, or there is no result.
  public struct EncoderHash: Codable, Sendable, Equatable {
    public var before: String
    public var after: String

    public init(before: String, after: String) { (self.before, self.after) = (before, after) }
  }

  /// The accuracy of an encoder that was not trained.
  public struct Baseline: Codable, Sendable, Equatable {
    public var top1: Double
    public var top5: Double
    public var top1Interval: ConfidenceInterval
    public var meanPerClass: Double
    public var encoderHash: String

    public init(_ result: EvaluationResult) {
      (top1, top5, top1Interval) = (result.top1, result.top5, result.top1Interval)
      (meanPerClass, encoderHash) = (result.meanPerClass, result.encoderHash.before)
    }
  }

  /// Which encoder, images and settings were measured.
  public struct Setting: Sendable {
    public var encoder: String
    public var encoderHash: EncoderHash
    public var isRandomInitialization: Bool
    public var featureDimension: Int
    public var precision: DType
    public var seed: UInt64
    public var data: EvaluatedData
    public var classNames: [String]
    public var testCount: Int

    public init(
      encoder: String, encoderHash: EncoderHash, isRandomInitialization: Bool, featureDimension: Int,
      precision: DType, seed: UInt64, data: EvaluatedData, classNames: [String], testCount: Int
    ) {
      (self.encoder, self.encoderHash) = (encoder, encoderHash)
      (self.isRandomInitialization, self.featureDimension) = (isRandomInitialization, featureDimension)
      (self.precision, self.seed, self.data) = (precision, seed, data)
      (self.classNames, self.testCount) = (classNames, testCount)
    }
  }

  /// Gathers what came of a protocol.
  ///
  /// - Parameters:
  ///   - outcomes: one, or one for each fold.
  ///   - folds: the numbers of the folds, from 0; nil where all train images taught.
  public init(_ outcomes: [EvaluationOutcome], folds: [Int]? = nil, _ setting: Setting) {
    precondition(!outcomes.isEmpty && (folds?.count ?? 1) == outcomes.count, "EvaluationResult: outcomes and folds")
    let accuracy = Accuracy(meanOf: outcomes.map(\.judgement.accuracy))
    let judgement = outcomes.dropFirst().reduce(into: outcomes[0].judgement) { $0.add($1.judgement) }
    `protocol` = outcomes[0].protocol
    (top1, top5) = (accuracy.top1, accuracy.top5)
    // Folds teach, the same test images are judged: their number is not that of all judgements.
    top1Interval = ConfidenceInterval(wilson: min(1, accuracy.top1 / 100), of: setting.testCount)
    top5Interval = ConfidenceInterval(wilson: min(1, accuracy.top5 / 100), of: setting.testCount)
    classes = judgement.classes(named: setting.classNames)
    let present = classes.compactMap(\.top1)
    meanPerClass = present.reduce(0, +) / Double(max(1, present.count))
    confusionMatrix = judgement.confusionMatrix
    calibration = judgement.calibration
    classCount = confusionMatrix.count
    trainCount = outcomes[0].trainCount
    testCount = setting.testCount
    featureDimension = setting.featureDimension
    seed = setting.seed
    encoder = setting.encoder
    encoderHash = setting.encoderHash
    isRandomInitialization = setting.isRandomInitialization
    data = setting.data
    precision = "\(setting.precision)"
    version = SimCLRVersion.current
    curve = folds == nil ? outcomes[0].curve : nil
    choice = folds == nil ? outcomes[0].choice : nil
    self.folds = folds.map { zip($0, outcomes).map { Fold($0, $1.judgement.accuracy) } }
  }
}

extension EvaluationResult {
  /// Whether the other was measured in the same way on the same images, whatever the encoder's weights.
  public func isComparable(with other: EvaluationResult) -> Bool {
    let isSameProtocol =
      choice != nil || other.choice != nil
      ? `protocol`.name == other.protocol.name && (choice == nil) == (other.choice == nil)
      : `protocol` == other.protocol
    return isSameProtocol && data.isSame(as: other.data) && seed == other.seed && precision == other.precision
      && version == other.version
      && trainCount == other.trainCount && testCount == other.testCount && encoder == other.encoder
      && folds?.map(\.fold) == other.folds?.map(\.fold)
  }
}
