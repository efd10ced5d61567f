import Augmentation
import Encoders
import Foundation
import Torch
import TorchNN

extension Configuration {
  /// The longest text that is read. All keys together take a few thousand bytes.
  private static let maximumByteCount = 1 << 20

  /// Reads a YAML file and lays `overrides` of the form `section.key=value` over it.
  ///
  /// - Throws: ``ConfigurationError`` naming file, line and key.
  public init(contentsOf url: URL, overrides: [String] = []) throws {
    let bytes: Data?
    do {
      bytes = try StoredFile.contents(of: url, atMost: Self.maximumByteCount)
    } catch let error as TorchError {
      throw ConfigurationError(error.description)
    }
    guard let bytes else { throw ConfigurationError("cannot read the configuration \(url.path): no such file") }
    guard let text = String(data: bytes, encoding: .utf8) else {
      throw ConfigurationError("\(url.path) is not a text file in UTF-8")
    }
    try self.init(yaml: text, name: url.lastPathComponent, overrides: overrides)
  }

  /// Reads a YAML text that messages call `name`, and lays `overrides` over it.
  ///
  /// - Throws: ``ConfigurationError`` naming line and key.
  public init(yaml: String, name: String = "configuration", overrides: [String] = []) throws {
    var file = try ConfigurationFile()
    try file.overlay(yaml: yaml, name: name)
    for override in overrides { try file.overlay(override: override) }
    self = try file.decoded()
    do {
      try validate()
    } catch let error as ConfigurationError {
      let key = error.description.prefix { $0 != ":" }
      throw ConfigurationError((file.origin(of: String(key)).map { "\($0): " } ?? "") + error.description)
    }
  }

  /// The configuration as YAML text, every key written out.
  public func yaml() throws -> String { try ConfigurationFile.yaml(of: self) }
}

// MARK: - Checking

extension Configuration {
  /// Checks every value that can be judged without looking at data or hardware.
  ///
  /// - Throws: ``ConfigurationError`` that begins with the dotted key.
  public func validate() throws {
    do {
      try augmentation.validate()
    } catch let error as AugmentationError {
      throw ConfigurationError(error.description)
    }
    try require(0...1024 ~= data.threads, "data.threads", "0 (all cores) to 1024", data.threads)
    try require(data.batchesAhead >= 1, "data.batches_ahead", "at least 1", data.batchesAhead)
    try require(data.cacheMegabytes >= 0, "data.cache_megabytes", "at least 0", data.cacheMegabytes)
    try require(
      encoder.width * 64 >= 1 && encoder.width <= 16, "encoder.width", "a number from 1/64 to 16", encoder.width)
    try require(1...3 ~= projectionHead.layers, "projection_head.layers", "1, 2 or 3", projectionHead.layers)
    try require(
      projectionHead.hiddenDimension >= 0, "projection_head.hidden_dimension", "0 (the encoder's) or more",
      projectionHead.hiddenDimension)
    try require(
      projectionHead.outputDimension >= 1, "projection_head.output_dimension", "at least 1",
      projectionHead.outputDimension)
    try requirePositive(loss.temperature, "loss.temperature")
    try require(0...1 ~= byol.momentum, "byol.momentum", "a number from 0 to 1", byol.momentum)
    try require(
      byol.predictorHiddenDimension >= 0, "byol.predictor_hidden_dimension", "0 (the projection head's) or more",
      byol.predictorHiddenDimension)
    try validateOptimizer()
    try validateTraining()
    try validateDistributed()
    try validateEvaluation()
    try require(
      output.checkpointEverySteps >= 0, "output.checkpoint_every_steps", "0 (by epochs only) or more",
      output.checkpointEverySteps)
    try require(
      output.checkpointEveryEpochs >= 0, "output.checkpoint_every_epochs", "0 (by steps only) or more",
      output.checkpointEveryEpochs)
    try require(
      output.checkpointMinimumSteps >= 0, "output.checkpoint_minimum_steps", "0 (however short an epoch is) or more",
      output.checkpointMinimumSteps)
    try require(output.keepCheckpoints >= 0, "output.keep_checkpoints", "0 (all) or more", output.keepCheckpoints)
    try require(output.logEverySteps >= 1, "output.log_every_steps", "at least 1", output.logEverySteps)
  }

  private func validateOptimizer() throws {
    try requirePositive(optimizer.learningRate, "optimizer.learning_rate")
    try require(0..<1 ~= optimizer.momentum, "optimizer.momentum", "a number from 0 to below 1", optimizer.momentum)
    try require(
      !optimizer.nesterov || (optimizer.name == .sgd && optimizer.momentum > 0), "optimizer.nesterov",
      "false unless optimizer.name is sgd with a momentum above 0", optimizer.nesterov)
    try require(
      optimizer.weightDecay >= 0 && optimizer.weightDecay.isFinite, "optimizer.weight_decay", "at least 0",
      optimizer.weightDecay)
    try requirePositive(optimizer.trustCoefficient, "optimizer.trust_coefficient")
    try require(0..<1 ~= optimizer.beta1, "optimizer.beta1", "a number from 0 to below 1", optimizer.beta1)
    try require(0..<1 ~= optimizer.beta2, "optimizer.beta2", "a number from 0 to below 1", optimizer.beta2)
    try requirePositive(optimizer.epsilon, "optimizer.epsilon")
  }

  private func validateTraining() throws {
    try require(training.globalBatchSize >= 2, "training.global_batch_size", "at least 2", training.globalBatchSize)
    try require(training.epochs >= 1, "training.epochs", "at least 1", training.epochs)
    try require(training.maximumSteps >= 0, "training.maximum_steps", "0 (no limit) or more", training.maximumSteps)
    try require(
      training.maximumGradientNorm >= 0 && training.maximumGradientNorm.isFinite, "training.maximum_gradient_norm",
      "0 (never clipped) or more", training.maximumGradientNorm)
    try require(
      training.accumulationSteps >= 1, "training.accumulation_steps", "at least 1", training.accumulationSteps)
    try require(
      training.maximumSkippedSteps >= 0, "training.maximum_skipped_steps", "0 (the first ends the run) or more",
      training.maximumSkippedSteps)
    try require(training.seed >= 0, "training.seed", "0 or more", training.seed)
    try require(0...1024 ~= training.threads, "training.threads", "0 (all cores) to 1024", training.threads)
    try require(
      schedule.warmupEpochs >= 0 && schedule.warmupEpochs <= Double(training.epochs), "schedule.warmup_epochs",
      "a number from 0 to training.epochs (\(training.epochs))", schedule.warmupEpochs)
  }

  private func validateDistributed() throws {
    // Beyond a week clocks and libraries overflow one after the other.
    try require(
      distributed.timeoutSeconds >= 0.1 && distributed.timeoutSeconds <= 604_800, "distributed.timeout_seconds",
      "0.1 to 604800 (a week)", distributed.timeoutSeconds)
    try requirePositive(distributed.bucketMegabytes, "distributed.bucket_megabytes")
    try require(
      distributed.batchNormRanks >= 0, "distributed.batch_norm_ranks", "0 (all ranks) or more",
      distributed.batchNormRanks)
  }

  private func validateEvaluation() throws {
    try require(evaluation.knnNeighbors >= 1, "evaluation.knn_neighbors", "at least 1", evaluation.knnNeighbors)
    try requirePositive(evaluation.knnTemperature, "evaluation.knn_temperature")
    try require(evaluation.linearEpochs >= 1, "evaluation.linear_epochs", "at least 1", evaluation.linearEpochs)
    try requirePositive(evaluation.linearLearningRate, "evaluation.linear_learning_rate")
    try require(
      0..<1 ~= evaluation.linearMomentum, "evaluation.linear_momentum", "a number from 0 to below 1",
      evaluation.linearMomentum)
    try require(
      evaluation.linearWeightDecay >= 0 && evaluation.linearWeightDecay.isFinite, "evaluation.linear_weight_decay",
      "at least 0", evaluation.linearWeightDecay)
    try require(
      evaluation.linearBatchSize >= 1, "evaluation.linear_batch_size", "at least 1", evaluation.linearBatchSize)
  }

  private func require(_ holds: Bool, _ key: String, _ expected: String, _ value: Any) throws {
    guard holds else { throw ConfigurationError("\(key): expected \(expected), got \(value)") }
  }

  private func requirePositive(_ value: Double, _ key: String) throws {
    try require(value > 0 && value.isFinite, key, "a number above 0", value)
  }
}

// MARK: - Filling in

extension Configuration {
  /// The configuration with `auto` and 0 replaced by what they stand for on this machine, so that it says all that
  /// the results depend on. The device and the numbers of threads stay open.
  ///
  /// - Throws: ``ConfigurationError`` when the device is not there.
  public func resolved() throws -> Configuration {
    var result = self
    if encoder.stem == .auto { result.encoder.stem = augmentation.imageSize <= 64 ? .cifar : .imagenet }
    if training.precision == .auto {
      result.training.precision = .fastest(on: try training.firstDevice())
    }
    if projectionHead.hiddenDimension == 0 {
      result.projectionHead.hiddenDimension = encoder.settings.featureCount
    }
    if !data.path.isEmpty { result.data.path = URL(fileURLWithPath: data.path).standardizedFileURL.path }
    return result
  }
}
