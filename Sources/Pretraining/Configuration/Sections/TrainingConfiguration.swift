import Keys

/// Section `training`, which ``section`` documents key by key.
public struct TrainingConfiguration: Equatable, Sendable {
  /// The type that convolutions and matrix products run in.
  public enum Precision: String, CaseIterable, Sendable {
    case auto, fp32, tf32, bf16, fp16, fp64
  }

  /// What of the forward pass is computed again in the backward pass rather than kept.
  public enum ActivationCheckpointing: String, CaseIterable, Sendable {
    case none, blocks
  }

  public var globalBatchSize = 256
  public var epochs = 100
  public var maximumSteps = 0
  public var timeLimit = ""
  public var precision = Precision.auto
  public var accumulationSteps = 1
  public var activationCheckpointing = ActivationCheckpointing.none
  public var maximumGradientNorm = 0.0
  public var maximumSkippedSteps = 5
  public var seed = 0
  public var deterministic = false
  public var device = "auto"
  public var threads = 0

  /// The defaults.
  public init() {}
}

extension TrainingConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("training", "How long is trained, with what batches, and on what.") {
    Key(
      "global_batch_size", \.globalBatchSize, .atLeast(2), typedAs: ["batch_size", "batch", "bs"],
      "Images a step, over all processes.")
    Key(
      "epochs", \.epochs, .atLeast(1), typedAs: ["epoch", "num_epochs", "max_epochs"], "How often every image is seen.")
    Key(
      "maximum_steps", \.maximumSteps, .atLeast(0, [0: "no limit"]), scope: .session, typedAs: ["max_steps", "steps"],
      "Stops after this many steps, whatever the epochs. The schedule follows the epochs all the same.")
    Key(
      "time_limit", \.timeLimit, .duration, scope: .session,
      typedAs: ["max_time", "walltime", "time", "max_runtime"],
      """
      How long a process may train, on the clock, from its start: after the step in which that is over it saves and leaves
      with exit code 75, as when a signal stops it. Leave time for the save; empty: no limit.
      """)
    Key(
      "precision", \.precision, typedAs: ["dtype", "amp", "mixed_precision"],
      """
      The type that convolutions and matrix products run in; weights, loss and optimizer are float32. `auto`: bf16 where the
      hardware multiplies it faster, fp16 on GPUs that have only that, else fp32. `tf32` is fp32 with convolutions whose
      operands CUDA's tensor cores round to TF32. `fp64` has everything in float64, for comparisons.
      """)
    Key(
      "accumulation_steps", \.accumulationSteps, .atLeast(1),
      typedAs: ["grad_accum", "gradient_accumulation", "gradient_accumulation_steps", "accumulate"],
      """
      Cuts a step into so many parts, which go through the network one after another: memory falls, the negatives stay those
      of the whole global batch. BatchNorm sees one part at a time.
      """)
    Key(
      "activation_checkpointing", \.activationCheckpointing, scope: .session,
      typedAs: ["gradient_checkpointing", "checkpointing", "recompute"],
      """
      What of the forward pass is computed again in the backward pass rather than kept: `none`, or what lies within the
      encoder's `blocks`, which takes a third more time and leaves a fraction of the memory. The result is the same, to
      rounding.
      """)
    Key(
      "maximum_gradient_norm", \.maximumGradientNorm, .atLeast(0, [0: "never clipped"]),
      typedAs: ["clip", "clip_grad", "grad_clip", "max_grad_norm"], "Gradients are scaled down to this joint norm.")
    Key(
      "maximum_skipped_steps", \.maximumSkippedSteps, .atLeast(0, [0: "the first ends the run"]),
      "Steps in a row that may be skipped because loss or gradients are not finite; one more ends the run.")
    Key("seed", \.seed, .from(0, to: .max), typedAs: ["random_seed"], "Chooses first weights, order and augmentations.")
    Key(
      "deterministic", \.deterministic,
      "Algorithms that give the same bits on every run, on CUDA at some cost; a CPU always gives them.")
    Key(
      "device", \.device, .device(or: "auto"), scope: .process, typedAs: ["gpu", "accelerator"],
      "Where is trained; `auto`: on CUDA when there is a device that can be used. Each process of a machine takes its own."
    )
    Key(
      "threads", \.threads, .from(0, to: 1024, [0: "all cores"]), scope: .process, typedAs: ["num_threads", "cpus"],
      "Threads of an operation on the CPU.")
  }
}

extension TrainingConfiguration {
  /// `timeLimit` in seconds; nil without one.
  var timeLimitSeconds: Double? { WrittenDuration.seconds(of: timeLimit) }
}
