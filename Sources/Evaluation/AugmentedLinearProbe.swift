import DataSets
import Torch
import TorchNN

/// SimCLR's linear evaluation (appendix B.6): in every epoch images are cropped and mirrored anew and go through the frozen
/// encoder, whose features as they are teach a linear classifier by SGD with Nesterov momentum and a cosine learning rate.
public struct AugmentedLinearProbe: Codable, Sendable, Equatable {
  /// Passes over the train images, at least 1.
  public var epochs: Int
  /// The rate of the first step with a batch of 256, above 0; it grows with the batch.
  public var learningRatePer256: Double
  /// Images in a step, at least 1; all of an epoch where there are fewer, and the last step of an epoch has what is left.
  public var batchSize: Int
  /// Above 0, below 1.
  public var momentum: Double
  /// Pulls the weights, not the biases, towards 0; at least 0.
  public var weightDecay: Double

  public init(
    epochs: Int = 90, learningRatePer256: Double = 0.1, batchSize: Int = 4096, momentum: Double = 0.9,
    weightDecay: Double = 0
  ) {
    (self.epochs, self.learningRatePer256, self.batchSize) = (epochs, learningRatePer256, batchSize)
    (self.momentum, self.weightDecay) = (momentum, weightDecay)
  }

  /// Trains a classifier and judges test images after every epoch; the judgement after the last one counts.
  ///
  /// - Parameters:
  ///   - train: what teaches; its seed decides order and crops.
  ///   - test: features by the same encoder, with labels.
  ///   - extractor: the encoder.
  ///   - onEpoch: hears after each epoch how many are done, of how many, and the mean loss of its steps.
  /// - Throws: ``EvaluationError`` when a value is out of range or the loss grows beyond all bounds; `LoadingError` when too
  ///   many images cannot be read.
  public func judge(
    train: LabeledCrops, test: Features, by extractor: FeatureExtractor,
    onEpoch: (_ done: Int, _ total: Int, _ loss: Double) -> Void = { _, _, _ in }
  ) throws -> (judgement: Judgement, curve: [EpochFigures]) {
    try validate()
    let batch = min(batchSize, train.imagesPerEpoch)
    let stepsPerEpoch = (train.imagesPerEpoch + batch - 1) / batch
    let schedule = LearningRateSchedule(
      peak: LearningRateScaling.linear.peak(of: learningRatePer256, globalBatchSize: batch), warmupSteps: 0,
      totalSteps: epochs * stepsPerEpoch)
    let head = LinearHead(classCount: test.classCount, dimension: test.dimension)
    let optimizer = SGD(head.parameters, momentum: momentum, weightDecay: weightDecay, nesterov: true)
    var (judgement, curve) = (Judgement(classCount: test.classCount), [EpochFigures]())
    for epoch in 0..<epochs {
      var waiting = Waiting()
      var losses: [Double] = []
      func step(_ rows: Int) {
        let (features, labels) = waiting.take(rows)
        optimizer.zeroGradients()
        let loss = head.loss(features, labels)
        loss.backward()
        optimizer.step(learningRate: schedule.learningRate(step: optimizer.stepCount))
        losses.append(loss.item())
      }
      try train.forEachBatch(inEpoch: epoch) { images, labels in
        waiting.add(extractor(images), labels)
        while waiting.count >= batch { step(batch) }
      }
      if waiting.count > 0 { step(waiting.count) }
      let mean = losses.reduce(0, +) / Double(losses.count)
      guard mean.isFinite else {
        throw EvaluationError(
          "linear evaluation diverged in epoch \(epoch + 1) of \(epochs). Try a learning rate below \(learningRatePer256)"
        )
      }
      let classifier = head.classifier(losses: losses, classNames: test.classNames)
      judgement = try classifier.judge(test)
      curve.append(EpochFigures(epoch: epoch + 1, loss: mean, top1: judgement.accuracy.top1))
      onEpoch(epoch + 1, epochs, mean)
    }
    return (judgement, curve)
  }

  private func validate() throws {
    let checks: [(Bool, String, Any)] = [
      (epochs >= 1, "epochs of at least 1", epochs),
      (learningRatePer256 > 0 && learningRatePer256.isFinite, "a learning rate above 0", learningRatePer256),
      (batchSize >= 1, "a batch size of at least 1", batchSize),
      (0 < momentum && momentum < 1, "a momentum above 0 and below 1", momentum),
      (weightDecay >= 0 && weightDecay.isFinite, "a weight decay of at least 0", weightDecay),
    ]
    for (holds, expected, value) in checks where !holds {
      throw EvaluationError("linear evaluation", expected: "\(expected)", got: "\(value)")
    }
  }

  /// Features that have not taught yet.
  private struct Waiting {
    private var parts: [Tensor] = []
    private var labels: [Int] = []

    var count: Int { labels.count }

    mutating func add(_ features: Tensor, _ more: [Int]) {
      parts.append(features)
      labels += more
    }

    /// The first ones.
    mutating func take(_ rows: Int) -> (features: Tensor, labels: [Int]) {
      let all = parts.count == 1 ? parts[0] : Tensor.concatenate(parts)
      let taken = (all.narrow(0, 0..<rows), Array(labels[..<rows]))
      parts = rows < labels.count ? [all.narrow(0, rows..<labels.count)] : []
      labels.removeFirst(rows)
      return taken
    }
  }
}

/// A weight matrix and a bias, zeros at first, that learn to classify features.
struct LinearHead {
  private let weight: Parameter
  private let bias: Parameter

  init(classCount: Int, dimension: Int, device: Device = .cpu) {
    weight = Parameter(Tensor.zeros([classCount, dimension], device: device))
    bias = Parameter(Tensor.zeros([classCount], device: device), role: .bias)
  }

  var parameters: [OptimizedParameter] {
    [
      OptimizedParameter(name: "weight", parameter: weight, isDecayedAndAdapted: true),
      OptimizedParameter(name: "bias", parameter: bias, isDecayedAndAdapted: false),
    ]
  }

  /// The mean cross-entropy of features `[N, D]`, float32.
  func loss(_ features: Tensor, _ labels: [Int]) -> Tensor {
    Functional.crossEntropy(
      Functional.linear(features, weight: weight.value, bias: bias.value),
      target: Tensor(labels).to(device: features.device))
  }

  func classifier(losses: [Double], classNames: [String]) -> LinearClassifier {
    LinearClassifier(
      weight: weight.value.detached().to(device: .cpu), bias: bias.value.detached().to(device: .cpu),
      standardization: .none(dimension: weight.value.shape[1]), losses: losses, classNames: classNames)
  }
}
