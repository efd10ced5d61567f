import Torch

/// What linear evaluation trains: standardized features times a weight matrix, plus a bias.
public struct LinearClassifier: Sendable {
  /// `[C, D]`, float32, on the CPU.
  public let weight: Tensor
  /// `[C]`, float32, on the CPU.
  public let bias: Tensor
  /// What features go through first.
  public let standardization: Standardization
  /// The training loss at every step, mean cross-entropy over the batch in nats.
  public let losses: [Double]
  /// The names of the C classes; empty when they have none.
  public let classNames: [String]

  /// Images classified at a time.
  private static let blockRows = 4096

  /// The scores of each class, before softmax: `[N, D]` to `[N, C]`.
  public func logits(_ values: Tensor) -> Tensor {
    withoutGradients { Functional.linear(standardization(values), weight: weight, bias: bias) }
  }

  /// Classifies test images. Five classes or fewer give a top-5 of 100.
  ///
  /// - Parameter test: `[M, D]` with labels of the classes trained on.
  /// - Throws: ``EvaluationError`` when labels are missing or of other classes, or features or scores are not finite.
  public func judge(_ test: Features) throws -> Judgement {
    try test.requireTestable(classNames: classNames, classCount: weight.shape[0])
    precondition(
      test.dimension == weight.shape[1],
      "LinearClassifier: weights \(weight.shape) do not fit test features \(test.values.shape)")
    var judgement = Judgement(classCount: weight.shape[0])
    for start in stride(from: 0, to: test.count, by: Self.blockRows) {
      let rows = start..<min(start + Self.blockRows, test.count)
      let logits = logits(test.values.narrow(0, rows))
      guard logits.isFinite().all() else {
        throw EvaluationError(
          "the classifier gives scores that are not finite numbers: features of test images are too far from those of train images"
        )
      }
      judgement.add(logits: logits, labels: test.labels[rows])
    }
    return judgement
  }

  /// The share of test images whose class is found.
  ///
  /// - Throws: as ``judge(_:)``.
  public func accuracy(on test: Features) throws -> Accuracy { try judge(test).accuracy }
}
