import Keys

/// Section `schedule`, which ``section`` documents key by key.
public struct ScheduleConfiguration: Equatable, Sendable {
  public var warmupEpochs = 10.0

  /// The defaults.
  public init() {}
}

extension ScheduleConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "schedule", "How the learning rate changes: linear warm-up, then a cosine to 0, step by step."
  ) {
    Key(
      "warmup_epochs", \.warmupEpochs, .atLeast(0, [0: "none"]), typedAs: ["warmup", "warm_up", "warmup_epoch"],
      "Epochs of warm-up; a fraction is allowed.")
  }
}
