import Torch
import TorchNN

/// Linear evaluation: a linear classifier trained on the features of a frozen encoder (SimCLR, section 2.3), by SGD with
/// momentum, cross-entropy and a cosine learning rate that falls at every step from `learningRate` to 0.
///
/// The defaults are the founding paper's protocol. Images are not augmented, since features are computed once. Weights
/// start at 0: the problem is convex, so the start decides nothing, and this one takes no random numbers.
public struct LinearProbe: Codable, Sendable, Equatable {
  /// Passes over the train features, at least 1.
  public var epochs: Int
  /// The rate of the first step, above 0.
  public var learningRate: Double
  /// In 0..<1.
  public var momentum: Double
  /// Nesterov's form of momentum.
  public var nesterov: Bool
  /// Images in a step, at least 1; the last batch of an epoch may be smaller.
  public var batchSize: Int
  /// Pulls the weights, not the biases, towards 0; at least 0.
  public var weightDecay: Double
  /// Whether each feature is first brought to mean 0 and standard deviation 1 over the train images.
  public var standardizesFeatures: Bool

  public init(
    epochs: Int = 10, learningRate: Double = 0.1, momentum: Double = 0.9, nesterov: Bool = false, batchSize: Int = 256,
    weightDecay: Double = 0, standardizesFeatures: Bool = true
  ) {
    self.epochs = epochs
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.batchSize = batchSize
    self.weightDecay = weightDecay
    self.standardizesFeatures = standardizesFeatures
  }

  /// The founding paper's protocol: 10 epochs, rate 0.1, momentum 0.9.
  public static let paper = LinearProbe()

  /// SimCLR's own protocol (appendix B.6): 90 epochs in batches of 4,096, rate 0.1 · 4,096 / 256, Nesterov momentum 0.9.
  public static let simclr = LinearProbe(
    epochs: 90, learningRate: LearningRateScaling.linear.peak(of: 0.1, globalBatchSize: 4096), nesterov: true,
    batchSize: 4096)

  /// Confirms that a classifier can be trained so.
  ///
  /// - Throws: ``EvaluationError`` naming the first value out of range.
  public func validate() throws {
    try require(epochs >= 1, "epochs of at least 1", epochs)
    try require(learningRate > 0 && learningRate.isFinite, "a learning rate above 0", learningRate)
    try require(0 <= momentum && momentum < 1, "a momentum of at least 0 and below 1", momentum)
    try require(!nesterov || momentum > 0, "a momentum above 0 for Nesterov's step", momentum)
    try require(batchSize >= 1, "a batch size of at least 1", batchSize)
    try require(weightDecay >= 0 && weightDecay.isFinite, "a weight decay of at least 0", weightDecay)
  }

  private func require(_ holds: Bool, _ expected: String, _ value: Any) throws {
    if !holds { throw EvaluationError("linear evaluation", expected: "\(expected)", got: "\(value)") }
  }
}

// MARK: - Training

extension LinearProbe {
  /// Trains a classifier; the same features, seed and thread count give the same bits on the CPU.
  ///
  /// - Parameters:
  ///   - train: `[N, D]` with labels of at least two classes.
  ///   - seed: decides the order of the images in each epoch.
  ///   - device: where the classifier is trained.
  ///   - onEpoch: hears after each epoch how many are done, of how many, and the mean loss of its steps.
  /// - Throws: ``EvaluationError`` when a value is out of range, labels are missing or all of one class, features are not
  ///   finite, or the loss grows beyond all bounds.
  public func train(
    on train: Features, seed: UInt64, device: Device = .cpu,
    onEpoch: (_ done: Int, _ total: Int, _ loss: Double) -> Void = { _, _, _ in }
  ) throws -> LinearClassifier {
    let generator = Generator(seed: seed)
    return try self.train(
      on: train, device: device, order: { _ in Tensor.randperm(train.count, generator: generator) }, onEpoch: onEpoch)
  }

  /// Trains a classifier and judges test images after every epoch; the judgement after the last one counts, and nothing is
  /// chosen by the others.
  ///
  /// - Parameters:
  ///   - test: `[M, D]` with labels of the same classes.
  ///   - onEpoch: hears after each epoch how many are done, of how many, and the mean loss of its steps.
  /// - Throws: as ``train(on:seed:device:onEpoch:)``, and when test images cannot be judged.
  public func judge(
    train: Features, test: Features, seed: UInt64, device: Device = .cpu,
    onEpoch: (_ done: Int, _ total: Int, _ loss: Double) -> Void = { _, _, _ in }
  ) throws -> (judgement: Judgement, curve: [EpochFigures]) {
    let generator = Generator(seed: seed)
    var (judgement, curve) = (Judgement(classCount: train.classCount), [EpochFigures]())
    _ = try self.train(
      on: train, device: device, order: { _ in Tensor.randperm(train.count, generator: generator) }, onEpoch: onEpoch,
      afterEpoch: { classifier, loss in
        judgement = try classifier.judge(test)
        curve.append(EpochFigures(epoch: curve.count + 1, loss: loss, top1: judgement.accuracy.top1))
      })
    return (judgement, curve)
  }

  /// The same with the order of the images given.
  ///
  /// - Parameters:
  ///   - order: gives the rows of `train` (int64, `[N]`) in the order in which an epoch takes them.
  ///   - afterEpoch: gets the classifier as it is after each epoch, and the mean loss of its steps.
  package func train(
    on train: Features, device: Device = .cpu, order: (_ epoch: Int) -> Tensor,
    onEpoch: (_ done: Int, _ total: Int, _ loss: Double) -> Void = { _, _, _ in },
    afterEpoch: (_ classifier: LinearClassifier, _ loss: Double) throws -> Void = { _, _ in }
  ) throws -> LinearClassifier {
    try validate()
    try train.requireTrainable()
    let standardization = standardizesFeatures ? Standardization(of: train) : .none(dimension: train.dimension)
    let inputs = standardization(train.values).to(device: device)
    let labels = Tensor(train.labels).to(device: device)
    let weight = Parameter(Tensor.zeros([train.classCount, train.dimension], device: device))
    let bias = Parameter(Tensor.zeros([train.classCount], device: device))
    let optimizer = SGD(
      [
        OptimizedParameter(name: "weight", parameter: weight, isDecayedAndAdapted: true),
        OptimizedParameter(name: "bias", parameter: bias, isDecayedAndAdapted: false),
      ], momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
    let batchesPerEpoch = (train.count + batchSize - 1) / batchSize
    let schedule = LearningRateSchedule(peak: learningRate, warmupSteps: 0, totalSteps: epochs * batchesPerEpoch)

    var losses: [Double] = []
    func classifier() -> LinearClassifier {
      LinearClassifier(
        weight: weight.value.detached().to(device: .cpu), bias: bias.value.detached().to(device: .cpu),
        standardization: standardization, losses: losses, classNames: train.classNames)
    }
    for epoch in 0..<epochs {
      let rows = order(epoch).to(device: device)
      // Losses stay tensors until the epoch ends, so that a CUDA device is not waited for at every step.
      let ofEpoch = (0..<batchesPerEpoch).map { batch -> Tensor in
        let range = (batch * batchSize)..<min((batch + 1) * batchSize, train.count)
        let chosen = rows.narrow(0, range)
        let logits = Functional.linear(inputs.indexSelect(0, chosen), weight: weight.value, bias: bias.value)
        let loss = Functional.crossEntropy(logits, target: labels.indexSelect(0, chosen))
        optimizer.zeroGradients()
        loss.backward()
        optimizer.step(learningRate: schedule.learningRate(step: epoch * batchesPerEpoch + batch))
        return loss.detached()
      }
      losses += Tensor.stack(ofEpoch).array(of: Double.self)
      let mean = losses.suffix(batchesPerEpoch).reduce(0, +) / Double(batchesPerEpoch)
      guard mean.isFinite else {
        throw EvaluationError(
          "linear evaluation diverged in epoch \(epoch + 1) of \(epochs). Try a learning rate below \(learningRate)"
            + (standardizesFeatures ? "" : ", or standardized features"))
      }
      onEpoch(epoch + 1, epochs, mean)
      try afterEpoch(classifier(), mean)
    }
    return classifier()
  }
}
