import Augmentation
import Encoders
import Foundation
import Torch
import TorchNN

/// Everything that defines a pretraining run. The defaults are the paper's; `auto` and 0 stand for what ``resolved()``
/// fills in.
///
/// In files, keys are written in snake case: `training.globalBatchSize` is `global_batch_size` in section `training`.
public struct Configuration: Codable, Equatable, Sendable {
  public var data = DataConfiguration()
  public var augmentation = AugmentationConfiguration()
  public var method = MethodConfiguration()
  public var encoder = EncoderConfiguration()
  public var projectionHead = ProjectionHeadConfiguration()
  public var loss = LossConfiguration()
  public var byol = BYOLConfiguration()
  public var optimizer = OptimizerConfiguration()
  public var schedule = ScheduleConfiguration()
  public var training = TrainingConfiguration()
  public var distributed = DistributedConfiguration()
  public var evaluation = EvaluationConfiguration()
  public var output = OutputConfiguration()

  /// The defaults.
  public init() {}
}

/// Section `data`: what is trained on and how it is read.
public struct DataConfiguration: Codable, Equatable, Sendable {
  /// Which images are trained on, where a data set has some without labels (STL-10): `auto` is both.
  public enum Split: String, ConfigurationChoice {
    case auto, train, unlabeled
    case trainAndUnlabeled = "train+unlabeled"
  }

  /// What `DataSetLocator` finds: a folder of training images, a root that holds `train/`, tar archives, binary files.
  public var path = ""
  public var split = Split.auto
  /// A file that names the classes to train on, one a line; empty: all.
  public var classes = ""
  /// A file that names the images to train on by the last part of their names, one a line; empty: all.
  public var subset = ""
  /// Turns images upright as their EXIF data say; torchvision does not.
  public var appliesExifOrientation = false
  /// Threads that decode and augment; 0: as many as the machine has cores, less one that a CUDA device is fed by.
  public var threads = 0
  /// Batches prepared ahead of training, which bounds the memory.
  public var batchesAhead = 3
  /// Megabytes (2²⁰ bytes) of decoded pixels that are kept, so that images of up to 65,536 pixels are decoded once and
  /// not in every epoch; 0: none. The processes of a machine divide them.
  public var cacheMegabytes = 1024

  /// The defaults.
  public init() {}
}

/// Section `method`: how it is learned.
public struct MethodConfiguration: Codable, Equatable, Sendable {
  public var name = MethodName.simclr

  /// The defaults.
  public init() {}
}

/// Section `encoder`: the network f(·).
public struct EncoderConfiguration: Codable, Equatable, Sendable {
  /// The beginning of the network, or `auto`: `cifar` for images of up to 64 pixels, else `imagenet`.
  public enum Stem: String, ConfigurationChoice {
    case auto, imagenet, cifar
  }

  public var architecture = EncoderArchitecture.resnet50
  /// Multiplies the number of channels.
  public var width = 1.0
  public var stem = Stem.auto
  /// Starts residual blocks as identities.
  public var zeroInitializeResiduals = false

  /// The defaults.
  public init() {}
}

extension EncoderConfiguration {
  /// The network that a resolved section describes.
  public var settings: EncoderSettings {
    EncoderSettings(
      architecture, width: width, stem: stem == .cifar ? .cifar : .imagenet,
      zeroInitializesResiduals: zeroInitializeResiduals)
  }
}

/// Section `projection_head`: the network g(·).
public struct ProjectionHeadConfiguration: Codable, Equatable, Sendable {
  /// Linear layers: 1, 2 or 3.
  public var layers = 2
  /// The size between layers; 0: the encoder's number of features.
  public var hiddenDimension = 0
  public var outputDimension = 128
  /// BatchNorm after every linear layer.
  public var batchNorm = true

  /// The defaults.
  public init() {}
}

/// Section `loss`.
public struct LossConfiguration: Codable, Equatable, Sendable {
  /// The temperature τ that divides similarities.
  public var temperature = 0.5

  /// The defaults.
  public init() {}
}

/// Section `byol`: what BYOL has besides the projection head.
public struct BYOLConfiguration: Codable, Equatable, Sendable {
  /// How much of the target network a step keeps at first, 0 to 1; rises to 1 along a cosine.
  public var momentum = 0.996
  /// The size between the predictor's layers; 0: that of the projection head.
  public var predictorHiddenDimension = 0

  /// The defaults.
  public init() {}
}

/// Section `optimizer`.
public struct OptimizerConfiguration: Codable, Equatable, Sendable {
  /// Which optimizer: `lars` is the paper's for large batches.
  public enum Name: String, ConfigurationChoice {
    case sgd, lars, adam, adamw
  }

  public var name = Name.lars
  /// The rate before scaling by the batch size.
  public var learningRate = 0.3
  /// How the rate grows with the global batch: `linear` (× batch / 256), `sqrt` (× √batch) or `none`.
  public var learningRateScaling = LearningRateScaling.linear
  public var momentum = 0.9
  /// Nesterov's momentum (`sgd` only).
  public var nesterov = false
  public var weightDecay = 1e-6
  /// Whether weight decay pulls biases and BatchNorm too (LARS then adapts them as well).
  public var decayBiasAndNorm = false
  /// LARS's coefficient of trust.
  public var trustCoefficient = 0.001
  /// Decay of Adam's first moment.
  public var beta1 = 0.9
  /// Decay of Adam's second moment.
  public var beta2 = 0.999
  /// Added to Adam's denominator.
  public var epsilon = 1e-8

  /// The defaults.
  public init() {}
}

/// Section `schedule`: linear warm-up, then a cosine to 0, by steps.
public struct ScheduleConfiguration: Codable, Equatable, Sendable {
  public var warmupEpochs = 10.0

  /// The defaults.
  public init() {}
}

/// Section `training`.
public struct TrainingConfiguration: Codable, Equatable, Sendable {
  /// The type that convolutions and matrix products run in; weights, loss and optimizer are float32. `auto`: bf16 where
  /// the hardware multiplies it faster, fp16 on GPUs that have only that, else fp32. `tf32` is fp32 with convolutions
  /// whose operands CUDA's tensor cores round to TF32. `fp64` has everything in float64, for comparisons.
  public enum Precision: String, ConfigurationChoice {
    case auto, fp32, tf32, bf16, fp16, fp64
  }

  /// What of the forward pass is computed again in the backward pass rather than kept: `none`, or what lies within the
  /// encoder's `blocks`, which takes a third more time and leaves a fraction of the memory. The result is the same, to rounding.
  public enum ActivationCheckpointing: String, ConfigurationChoice {
    case none, blocks
  }

  /// Images a step, over all processes.
  public var globalBatchSize = 256
  public var epochs = 100
  /// Stops after this many steps, whatever the epochs; 0: no limit. The schedule follows the epochs all the same.
  public var maximumSteps = 0
  public var precision = Precision.auto
  /// Cuts a step into so many parts, which go through the network one after another: memory falls, the negatives stay
  /// those of the whole global batch. BatchNorm sees one part at a time.
  public var accumulationSteps = 1
  public var activationCheckpointing = ActivationCheckpointing.none
  /// Gradients are scaled down to this joint norm; 0: never.
  public var maximumGradientNorm = 0.0
  /// Steps in a row that may be skipped because loss or gradients are not finite; one more ends the run.
  public var maximumSkippedSteps = 5
  public var seed = 0
  /// Algorithms that give the same bits on every run, on CUDA at some cost; a CPU always gives them.
  public var deterministic = false
  /// `auto` (CUDA when there is one), `cpu`, `cuda` or `cuda:N`.
  public var device = "auto"
  /// Threads of an operation on the CPU; 0: as many as the machine has cores.
  public var threads = 0

  /// The defaults.
  public init() {}
}

/// Section `distributed`: how processes work together. Nothing here changes the result but `batch_norm_ranks` and
/// `gradient_compression`.
public struct DistributedConfiguration: Codable, Equatable, Sendable {
  /// What carries exchanges: `auto` is NCCL where every process has a CUDA device of its own, else Gloo.
  public enum Backend: String, ConfigurationChoice {
    case auto, gloo, nccl
  }

  /// In what form gradients travel.
  public enum GradientCompression: String, ConfigurationChoice {
    case none, bf16
  }

  public var backend = Backend.auto
  /// The network interface to connect over; empty: the one that leads to the rendezvous.
  public var interface = ""
  /// Seconds an exchange may take before the others are taken for lost; also how long processes wait for each other at
  /// the start.
  public var timeoutSeconds = 60.0
  /// Ranks whose statistics BatchNorm shares: 0: all; 1: none, each its own; N: groups of N.
  public var batchNormRanks = 0
  public var gradientCompression = GradientCompression.none
  /// Megabytes (2²⁰ bytes) of gradients that are sent together.
  public var bucketMegabytes = 25.0
  /// Sends gradients while the backward pass goes on, or after it.
  public var overlapsBackward = true
  /// Looks for parameters that take no part in the loss.
  public var findsUnusedParameters = false
  /// Divides the optimizer's state among the ranks (ZeRO-1).
  public var shardsOptimizer = false

  /// The defaults.
  public init() {}
}

/// Section `evaluation`: defaults of `simclr evaluate`.
public struct EvaluationConfiguration: Codable, Equatable, Sendable {
  /// Neighbours that vote in kNN.
  public var knnNeighbors = 20
  /// The temperature of a vote's weight.
  public var knnTemperature = 0.1
  public var linearEpochs = 10
  public var linearLearningRate = 0.1
  public var linearMomentum = 0.9
  public var linearWeightDecay = 0.0
  public var linearBatchSize = 256

  /// The defaults.
  public init() {}
}

/// Section `output`.
public struct OutputConfiguration: Codable, Equatable, Sendable {
  /// Writes a checkpoint every so many steps; 0: only by epochs.
  public var checkpointEverySteps = 0
  /// Writes a checkpoint every so many epochs; 0: only by steps. One is always written at the end.
  public var checkpointEveryEpochs = 1
  /// An epoch that ends within so many steps of the last checkpoint has none, so that short epochs do not spend their time
  /// on them.
  public var checkpointMinimumSteps = 20
  /// Checkpoints kept, the newest ones; 0: all.
  public var keepCheckpoints = 2
  /// Writes a line of metrics every so many steps.
  public var logEverySteps = 10

  /// The defaults.
  public init() {}
}

extension LearningRateScaling: ConfigurationChoice {}
