import Encoders
import Torch
import TorchNN

/// Fine-tuning (SimCLR, appendix B.5): encoder and a linear classifier, zeros at first, are trained together on crops of some of
/// the labeled images, by SGD with Nesterov momentum and a cosine learning rate, without warm-up and weight decay.
public struct FineTuning: Codable, Sendable, Equatable {
  /// How many of the labels are used, in percent of every class.
  public var labelPercent: Double
  /// Passes over those images, at least 1.
  public var epochs: Int
  /// The rate of the first step with a batch of 256, above 0; it grows with the batch.
  public var learningRatePer256: Double
  /// Images in a step, at least 2; all of them where there are fewer.
  public var batchSize: Int
  /// Above 0, below 1.
  public var momentum: Double

  /// SimCLR's rate for the share of labels; 60 epochs for less than 10 % of them, else 30.
  ///
  /// - Parameter batchSize: SimCLR's is 4,096, for which the rate is 16 times that of 256.
  public init(
    labelPercent: Double, epochs: Int? = nil, learningRatePer256: Double = 0.05, batchSize: Int = 256,
    momentum: Double = 0.9
  ) {
    self.labelPercent = labelPercent
    self.epochs = epochs ?? (labelPercent < 10 ? 60 : 30)
    (self.learningRatePer256, self.batchSize, self.momentum) = (learningRatePer256, batchSize, momentum)
  }

  /// Confirms that an encoder can be fine-tuned so.
  ///
  /// - Throws: ``EvaluationError`` naming the first value out of range.
  public func validate() throws {
    let checks: [(Bool, String, Any)] = [
      (labelPercent > 0 && labelPercent <= 100, "labels above 0 and up to 100 percent", labelPercent),
      (epochs >= 1, "epochs of at least 1", epochs),
      (learningRatePer256 > 0 && learningRatePer256.isFinite, "a learning rate above 0", learningRatePer256),
      (batchSize >= 2, "a batch size of at least 2", batchSize),
      (0 < momentum && momentum < 1, "a momentum above 0 and below 1", momentum),
    ]
    for (holds, expected, value) in checks where !holds {
      throw EvaluationError("fine-tuning", expected: "\(expected)", got: "\(value)")
    }
  }

  /// Trains encoder and classifier, then judges test images.
  ///
  /// - Parameters:
  ///   - encoder: is changed; it lies where it is trained.
  ///   - train: what teaches, in batches of ``batchSize``; its seed decides order and crops.
  ///   - classNames: of the classes.
  ///   - device: where the encoder lies.
  ///   - precision: float32, or bfloat16 or float16 for autocast.
  ///   - onEpoch: hears after each epoch how many are done, of how many, and the mean loss of its steps.
  ///   - testFeatures: computes the features of the test images by the trained encoder.
  /// - Throws: ``EvaluationError`` when a value is out of range or the loss grows beyond all bounds; `LoadingError` when too
  ///   many images cannot be read; what `testFeatures` throws.
  public func judge(
    _ encoder: any ImageEncoder, train: LabeledCrops, classNames: [String], device: Device = .cpu,
    precision: DType = .float32, onEpoch: (_ done: Int, _ total: Int, _ loss: Double) -> Void = { _, _, _ in },
    testFeatures: (FeatureExtractor) throws -> Features
  ) throws -> Judgement {
    try validate()
    let batch = train.imagesPerEpoch / train.batchesPerEpoch
    let schedule = LearningRateSchedule(
      peak: LearningRateScaling.linear.peak(of: learningRatePer256, globalBatchSize: batch), warmupSteps: 0,
      totalSteps: epochs * train.batchesPerEpoch)
    encoder.move(to: device, channelsLast: true)
    encoder.train()
    let head = LinearHead(classCount: classNames.count, dimension: encoder.featureCount, device: device)
    let optimizer = SGD(
      encoder.optimizedParameters(decayBiasAndNorm: false) + head.parameters, momentum: momentum, nesterov: true)
    var losses: [Double] = []
    for epoch in 0..<epochs {
      try train.forEachBatch(inEpoch: epoch) { images, labels in
        let images = images.to(device: device).channelsLast()
        let features = withAutocast(device, precision) { encoder(images) }.to(.float32)
        optimizer.zeroGradients()
        let loss = head.loss(features, labels)
        loss.backward()
        optimizer.step(learningRate: schedule.learningRate(step: optimizer.stepCount))
        losses.append(loss.item())
      }
      let mean = losses.suffix(train.batchesPerEpoch).reduce(0, +) / Double(train.batchesPerEpoch)
      guard mean.isFinite else {
        throw EvaluationError(
          "fine-tuning diverged in epoch \(epoch + 1) of \(epochs). Try a learning rate below \(learningRatePer256)")
      }
      onEpoch(epoch + 1, epochs, mean)
    }
    encoder.evaluate()
    let test = try testFeatures(FeatureExtractor(encoder, device: device, precision: precision))
    return try head.classifier(losses: losses, classNames: classNames).judge(test)
  }
}
