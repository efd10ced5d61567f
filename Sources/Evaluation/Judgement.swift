import Torch

/// What a classifier makes of test images, beside what they are.
public struct Judgement: Sendable, Equatable {
  /// `[C][C]`: how many images of the class of a row were given the class of a column.
  public private(set) var confusionMatrix: [[Int]]
  private var ranks = Accuracy.Count()
  private var calibrationTally = Calibration.Tally()

  /// Of no images yet.
  public init(classCount: Int) {
    confusionMatrix = Array(repeating: Array(repeating: 0, count: classCount), count: classCount)
  }

  /// Takes in images by logits, whose softmax are the probabilities.
  ///
  /// - Parameters:
  ///   - logits: `[N, C]`, float32, finite.
  ///   - labels: N numbers in `0..<C`.
  mutating func add(logits: Tensor, labels: some Collection<Int>) {
    add(scores: logits, confidences: (logits.amax(1) - logits.logSumExp(1)).exp(), labels)
  }

  /// Takes in images by probabilities.
  ///
  /// - Parameters:
  ///   - probabilities: `[N, C]`, float32, finite, each row with the sum 1.
  ///   - labels: N numbers in `0..<C`.
  public mutating func add(probabilities: Tensor, labels: some Collection<Int>) {
    add(scores: probabilities, confidences: probabilities.amax(1), labels)
  }

  /// Of classes with equal scores the one of the lower number is given.
  private mutating func add(scores: Tensor, confidences: Tensor, _ labels: some Collection<Int>) {
    let classes = confusionMatrix.count
    precondition(
      scores.rank == 2 && scores.shape[1] == classes,
      "Judgement: expected scores [N, \(classes)], got \(scores.summary)")
    ranks.add(scores: scores, labels: labels)
    let (values, confidences) = (scores.array(of: Float.self), confidences.array(of: Double.self))
    for (row, label) in labels.enumerated() {
      var best = row * classes
      for place in row * classes..<(row + 1) * classes where values[place] > values[best] { best = place }
      let given = best - row * classes
      confusionMatrix[label][given] += 1
      calibrationTally.add(confidence: confidences[row], isRight: given == label)
    }
  }

  /// Takes in what another classifier made of images: the same ones, where folds of the train images teach in turn.
  public mutating func add(_ other: Judgement) {
    precondition(confusionMatrix.count == other.confusionMatrix.count, "Judgement: of other classes")
    for (row, counts) in other.confusionMatrix.enumerated() {
      for (column, count) in counts.enumerated() { confusionMatrix[row][column] += count }
    }
    ranks += other.ranks
    calibrationTally += other.calibrationTally
  }

  /// How many were judged.
  public var imageCount: Int { confusionMatrix.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The share of images whose class was found; there must be some.
  public var accuracy: Accuracy { ranks.accuracy }

  /// Whether probabilities can be believed.
  public var calibration: Calibration { Calibration(calibrationTally) }

  /// How well each class was found.
  public func classes(named names: [String]) -> [ClassAccuracy] {
    confusionMatrix.enumerated().map { label, given in
      let count = given.reduce(0, +)
      return ClassAccuracy(
        name: label < names.count ? names[label] : "\(label)", count: count,
        top1: count > 0 ? 100 * Double(given[label]) / Double(count) : nil)
    }
  }
}

/// How well the images of one class were recognized.
public struct ClassAccuracy: Codable, Sendable, Equatable {
  public let name: String
  /// Test images of the class; with folds, each once for every fold.
  public let count: Int
  /// Percent of them that were given this class, 0…100; nil where there are none.
  public let top1: Double?
}
