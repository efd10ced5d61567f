/// Counts images and time between two readings, and the time spent waiting for data and for other processes.
struct ThroughputMeter {
  /// What exchanges between processes have cost since they met.
  struct Communication {
    var waited: Duration
    var sentBytes: Int
  }

  private let clock = ContinuousClock()
  private var start = ContinuousClock.now
  private var waited = Duration.zero
  private var images = 0
  private var steps = 0
  private var communication: Communication

  init(_ communication: Communication) { self.communication = communication }

  /// Runs `body` and counts its time as waiting.
  mutating func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    let begin = clock.now
    defer { waited += begin.duration(to: clock.now) }
    return try body()
  }

  /// Counts a step and its images.
  mutating func count(images count: Int) {
    images += count
    steps += 1
  }

  /// Fills in the figures since the last reading, and starts the next.
  mutating func read(_ communication: Communication, into step: inout StepMetrics) {
    let elapsed = start.duration(to: clock.now).seconds
    if elapsed > 0 {
      step.imagesPerSecond = Double(images) / elapsed
      step.dataWait = waited.seconds / elapsed
      let sent = communication.sentBytes - self.communication.sentBytes
      if sent > 0 {
        step.communicationWait = (communication.waited - self.communication.waited).seconds / elapsed
        step.sentBytesPerStep = Double(sent) / Double(steps)
      }
    }
    self = ThroughputMeter(communication)
  }
}

extension Duration {
  /// The duration as a number of seconds.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
