import Keys

/// Section `swav`, which ``section`` documents key by key.
public struct SwAVConfiguration: Equatable, Sendable {
  public var prototypes = 3000
  public var temperature = 0.1
  public var epsilon = 0.05
  public var sinkhornIterations = 3
  public var queueLength = 3840
  public var queueStartEpochs = 15.0
  public var frozenPrototypesEpochs = 1.0

  /// The defaults.
  public init() {}
}

extension SwAVConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("swav", "What SwAV has besides the projection head.") {
    Key(
      "prototypes", \.prototypes, .atLeast(2), typedAs: ["num_prototypes", "n_prototypes", "nmb_prototypes"],
      "Prototypes that images are assigned to.")
    Key("temperature", \.temperature, .above(0), "The temperature τ that divides similarities in predictions.")
    Key(
      "epsilon", \.epsilon, .from(0.01, to: 10), typedAs: ["sinkhorn_epsilon", "eps"],
      "How soft assignments are, ε of the Sinkhorn algorithm.")
    Key(
      "sinkhorn_iterations", \.sinkhornIterations, .atLeast(1), typedAs: ["sinkhorn_iters"],
      "How often assignments are made even.")
    Key(
      "queue_length", \.queueLength, .atLeast(0, [0: "no queue"]), typedAs: ["queue", "queue_size"],
      "Images of earlier steps that are assigned together with those of a step: a multiple of the global batch.")
    Key(
      "queue_start_epochs", \.queueStartEpochs, .atLeast(0, [0: "at once"]),
      typedAs: ["epoch_queue_starts"], "Epochs after which the queue is used, once it is full.")
    Key(
      "frozen_prototypes_epochs", \.frozenPrototypesEpochs, .atLeast(0, [0: "none"]),
      typedAs: ["freeze_prototypes_epochs", "freeze_prototypes_niters"],
      "Epochs in which prototypes stay as they were drawn; a fraction is allowed.")
  }
}

extension Configuration {
  static let swavQueueHoldsWholeBatches = Rule<Configuration>(
    about: \.swav.queueLength, and: \.training.globalBatchSize,
    text: "a multiple of `training.global_batch_size` with `swav`"
  ) { configuration in
    let (length, batch) = (configuration.swav.queueLength, configuration.training.globalBatchSize)
    guard configuration.method.name == .swav && !length.isMultiple(of: batch) else { return nil }
    return Fault(expected: "a multiple of training.global_batch_size (\(batch))", got: "\(length)")
  }

  static let swavHasImagesForItsPrototypes = Rule<Configuration>(
    about: \.swav.prototypes, and: \.swav.queueLength, \.training.globalBatchSize,
    text: "at most `training.global_batch_size` and `swav.queue_length` together with `swav`"
  ) { configuration in
    let images = configuration.training.globalBatchSize + configuration.swav.queueLength
    guard configuration.method.name == .swav && configuration.swav.prototypes > images else { return nil }
    return Fault(
      expected:
        "at most as many prototypes as images are shared out among them (\(images), those of a batch and of the queue)",
      got: "\(configuration.swav.prototypes)")
  }
}
