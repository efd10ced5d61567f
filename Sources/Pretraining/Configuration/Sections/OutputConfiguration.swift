import Keys

/// Section `output`, which ``section`` documents key by key.
public struct OutputConfiguration: Equatable, Sendable {
  public var checkpointEverySteps = 0
  public var checkpointEveryEpochs = 1
  public var checkpointMinimumSteps = 20
  public var keepCheckpoints = 2
  public var logEverySteps = 10
  public var spreadEverySteps = 100

  /// The defaults.
  public init() {}
}

extension OutputConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("output", "What is written into the run's folder, and how often.") {
    Key(
      "checkpoint_every_steps", \.checkpointEverySteps, .atLeast(0, [0: "by epochs only"]), scope: .process,
      typedAs: ["save_every", "save_steps", "checkpoint_interval"], "Writes a checkpoint every so many steps.")
    Key(
      "checkpoint_every_epochs", \.checkpointEveryEpochs, .atLeast(0, [0: "by steps only"]), scope: .process,
      typedAs: ["save_epochs"], "Writes a checkpoint every so many epochs. One is always written at the end.")
    Key(
      "checkpoint_minimum_steps", \.checkpointMinimumSteps, .atLeast(0, [0: "however short an epoch is"]),
      scope: .process,
      """
      An epoch that ends within so many steps of the last checkpoint has none, so that short epochs do not spend their time on
      them.
      """)
    Key(
      "keep_checkpoints", \.keepCheckpoints, .atLeast(0, [0: "all"]), scope: .process,
      typedAs: ["keep", "save_total_limit"], "Checkpoints kept, the newest ones.")
    Key(
      "log_every_steps", \.logEverySteps, .atLeast(1), scope: .process,
      typedAs: ["log_every", "log_interval", "log_steps"],
      "Writes a line of metrics every so many steps.")
    Key(
      "spread_every_steps", \.spreadEverySteps, .atLeast(0, [0: "never"]), scope: .session,
      """
      Measures every so many steps how far embeddings spread (RankMe and their deviation), writes it into that step's line of
      metrics, and warns where they have collapsed.
      """)
  }
}
