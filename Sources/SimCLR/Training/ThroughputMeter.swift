/// Counts images and time between two readings, and the time spent waiting for data.
struct ThroughputMeter {
  private let clock = ContinuousClock()
  private var start = ContinuousClock.now
  private var waited = Duration.zero
  private var images = 0

  /// Runs `body` and counts its time as waiting.
  mutating func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    let begin = clock.now
    defer { waited += begin.duration(to: clock.now) }
    return try body()
  }

  mutating func count(images count: Int) { images += count }

  /// Images a second and the share of waiting since the last reading; starts the next.
  mutating func read() -> (imagesPerSecond: Double, dataWait: Double) {
    let elapsed = start.duration(to: clock.now).seconds
    defer { self = ThroughputMeter() }
    return elapsed > 0 ? (Double(images) / elapsed, waited.seconds / elapsed) : (0, 0)
  }
}

extension Duration {
  /// The duration as a number of seconds.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
