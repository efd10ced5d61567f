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

  /// What was measured between two readings.
  struct Reading {
    /// Images a second.
    var imagesPerSecond: Double
    /// The share of the time spent waiting for data, 0…1.
    var dataWait: Double
    /// The share of the time spent waiting for other processes, 0…1; nil where nothing was sent.
    var communicationWait: Double?
    /// Nil where nothing was sent.
    var sentBytesPerStep: Double?
  }

  /// The figures since the last reading; begins the next. Since steps take time, there was some.
  mutating func read(_ communication: Communication) -> Reading {
    let elapsed = max(start.duration(to: clock.now).seconds, 1e-9)
    var reading = Reading(imagesPerSecond: Double(images) / elapsed, dataWait: waited.seconds / elapsed)
    let sent = communication.sentBytes - self.communication.sentBytes
    if sent > 0 {
      reading.communicationWait = (communication.waited - self.communication.waited).seconds / elapsed
      reading.sentBytesPerStep = Double(sent) / Double(steps)
    }
    self = ThroughputMeter(communication)
    return reading
  }
}

extension Duration {
  /// The duration as a number of seconds.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
