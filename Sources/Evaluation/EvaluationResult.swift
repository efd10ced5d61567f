import Foundation
import Torch

/// A measured accuracy with all that it takes to judge and repeat it.
///
/// In JSON, keys are in snake case: `protocol`, `top1`, `top5`, `class_count`, `train_count`, `test_count`,
/// `feature_dimension`, `seed`, `encoder`, `is_random_initialization`, `data`; and `folds` where there are some.
public struct EvaluationResult: Codable, Sendable, Equatable {
  public var `protocol`: EvaluationProtocol
  /// Percent of the test images, 0…100.
  public var top1: Double
  /// Percent of the test images, 0…100.
  public var top5: Double
  public var classCount: Int
  /// Train images that taught; of folds, in one of them.
  public var trainCount: Int
  /// Test images that features were computed of.
  public var testCount: Int
  /// Features of an image.
  public var featureDimension: Int
  /// The seed of the evaluation; kNN takes no random numbers.
  public var seed: UInt64
  /// Which encoder, in words: architecture, width, stem.
  public var encoder: String
  /// Whether the encoder was never trained: the baseline that a trained one has to beat.
  public var isRandomInitialization: Bool
  /// Where train images were taken in predefined folds (STL-10), the accuracy with each; `top1` and `top5` are the means.
  public var folds: [Fold]?
  /// Which images taught and which were judged; nil where the features were not of a data set's.
  public var data: EvaluatedData?

  /// What one fold of the train images taught.
  public struct Fold: Codable, Sendable, Equatable {
    /// From 0.
    public var fold: Int
    public var top1: Double
    public var top5: Double

    /// The accuracy of a fold, by its number from 0.
    public init(_ fold: Int, _ accuracy: Accuracy) { (self.fold, top1, top5) = (fold, accuracy.top1, accuracy.top5) }
  }

  /// Takes the counts from the features.
  public init(
    _ protocol: EvaluationProtocol, _ accuracy: Accuracy, train: Features, test: Features, seed: UInt64,
    encoder: String, isRandomInitialization: Bool, folds: [Fold]? = nil, data: EvaluatedData? = nil
  ) {
    self.protocol = `protocol`
    top1 = accuracy.top1
    top5 = accuracy.top5
    classCount = train.classCount
    trainCount = train.count
    testCount = test.count
    featureDimension = train.dimension
    self.seed = seed
    self.encoder = encoder
    self.isRandomInitialization = isRandomInitialization
    self.folds = folds
    self.data = data
  }
}

// MARK: - JSON

extension EvaluationResult {
  /// One JSON object, keys in alphabetical order, ending with a line break.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// Reads what ``json()`` wrote.
  ///
  /// - Throws: ``EvaluationError`` when the data are not a result of evaluation.
  public init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      self = try decoder.decode(EvaluationResult.self, from: json)
    } catch {
      throw EvaluationError("not the result of an evaluation: \(error)")
    }
  }

  /// Writes ``json()`` to a file, whole or not at all.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  public func write(to url: URL) throws { try DurableFile.write(json(), to: url) }
}
