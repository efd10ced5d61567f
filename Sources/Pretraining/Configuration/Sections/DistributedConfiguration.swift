import Keys

/// Section `distributed`, which ``section`` documents key by key.
public struct DistributedConfiguration: Equatable, Sendable {
  /// What carries exchanges.
  public enum Backend: String, CaseIterable, Sendable {
    case auto, gloo, nccl
  }

  /// In what form gradients travel.
  public enum GradientCompression: String, CaseIterable, Sendable {
    case none, bf16
  }

  public var backend = Backend.auto
  public var interface = ""
  public var timeoutSeconds = 60.0
  public var batchNormRanks = 0
  public var gradientCompression = GradientCompression.none
  public var bucketMegabytes = 25.0
  public var overlapsBackward = true
  public var findsUnusedParameters = false
  public var shardsOptimizer = false

  /// The defaults.
  public init() {}
}

extension DistributedConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "distributed",
    """
    How processes work together. Nothing here changes the result but `batch_norm_ranks` and `gradient_compression`.
    """
  ) {
    Key(
      "backend", \.backend, scope: .session,
      "What carries exchanges: `auto` is NCCL where every process has a CUDA device of its own, else Gloo.")
    Key(
      "interface", \.interface, .any("a network interface"), scope: .process,
      "The network interface to connect over; empty: the one that leads to the rendezvous.")
    // Beyond a week clocks and libraries overflow one after the other.
    Key(
      "timeout_seconds", \.timeoutSeconds, .from(0.1, to: 604_800, [604_800: "a week"]), scope: .session,
      typedAs: ["timeout"],
      """
      Seconds an exchange may take before the others are taken for lost; also how long processes wait for each other at the
      start.
      """)
    Key(
      "batch_norm_ranks", \.batchNormRanks, .atLeast(0, [0: "all ranks"]), typedAs: ["sync_bn", "sync_batchnorm"],
      "Ranks whose statistics BatchNorm shares: 0: all; 1: none, each its own; N: groups of N.")
    Key("gradient_compression", \.gradientCompression, typedAs: ["compression"], "In what form gradients travel.")
    Key(
      "bucket_megabytes", \.bucketMegabytes, .above(0), scope: .session, typedAs: ["bucket_cap_mb", "bucket"],
      "Megabytes (2²⁰ bytes) of gradients that are sent together.")
    Key(
      "overlaps_backward", \.overlapsBackward, scope: .session,
      "Sends gradients while the backward pass goes on, or after it.")
    Key(
      "finds_unused_parameters", \.findsUnusedParameters, scope: .session, typedAs: ["find_unused_parameters"],
      "Looks for parameters that take no part in the loss.")
    Key(
      "shards_optimizer", \.shardsOptimizer, scope: .session, typedAs: ["zero", "zero1"],
      "Divides the optimizer's state among the ranks (ZeRO-1).")
  }
}
