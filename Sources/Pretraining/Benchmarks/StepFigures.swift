import TorchDistributed

/// What ``StepBenchmark`` measured. Times are medians over steps; waits are means over processes.
public struct StepFigures: Codable, Sendable {
  /// Pairs of views a second, over all processes, with loading; absent where there were no images.
  public var pairsPerSecond: Double?
  /// The same on one batch that stays in memory.
  public var computePairsPerSecond: Double
  public var secondsPerStep: Double?
  public var computeSecondsPerStep: Double
  /// Seconds of each step.
  public var stepSeconds: [Double]?
  public var computeStepSeconds: [Double]
  /// Waiting for data: seconds a step, and the share of the step; absent where there were no images.
  public var dataWait: Wait?
  /// Waiting for other processes, in the series on one batch.
  public var communicationWait: Wait
  /// Bytes that a process sends in a step, as exchanges counted them.
  public var sentBytesPerStep: Int
  /// What they should be.
  public var expectedSentBytes: StepTraffic
  /// Of the process that has the most.
  public var peakResidentBytes: Int
  public var globalBatchSize: Int
  public var processes: Int
  public var threadsPerProcess: Int
  public var device: String
  public var precision: String

  /// A part of a step in which nothing was computed.
  public struct Wait: Codable, Sendable {
    public var secondsPerStep: Double
    /// 0…1
    public var share: Double

    init(_ waits: [Double], in steps: [Double]) {
      secondsPerStep = waits.median
      share = waits.reduce(0, +) / steps.reduce(0, +)
    }
  }

  init(
    _ configuration: ResolvedConfiguration, _ world: World, _ prepared: Preparation, computing: StepSeries,
    training: StepSeries?, expected: StepTraffic, peakBytes: Int
  ) {
    let pairs = Double(configuration.training.globalBatchSize)
    (stepSeconds, computeStepSeconds) = (training?.seconds, computing.seconds)
    (secondsPerStep, computeSecondsPerStep) = (training?.seconds.median, computing.seconds.median)
    (pairsPerSecond, computePairsPerSecond) = (secondsPerStep.map { pairs / $0 }, pairs / computeSecondsPerStep)
    dataWait = training.map { Wait($0.dataWaits, in: $0.seconds) }
    communicationWait = Wait(computing.communicationWaits, in: computing.seconds)
    (sentBytesPerStep, expectedSentBytes) = (computing.sentBytes.median, expected)
    peakResidentBytes = peakBytes
    (globalBatchSize, processes) = (configuration.training.globalBatchSize, world.size)
    threadsPerProcess = prepared.threadCount
    (device, precision) = ("\(prepared.device)", configuration.training.precision.rawValue)
  }
}

extension Array where Element: Comparable {
  /// The middle one in order of size, of an even number the upper of the two.
  package var median: Element { sorted()[count / 2] }
}
