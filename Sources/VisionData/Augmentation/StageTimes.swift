/// How long the stages from a file to a tensor took, in seconds, summed over images and threads.
public final class StageTimes {
  public internal(set) var read = 0.0
  public internal(set) var decode = 0.0
  public internal(set) var resize = 0.0
  public internal(set) var color = 0.0
  public internal(set) var blur = 0.0
  public internal(set) var tensor = 0.0

  init() {}

  func add(_ other: StageTimes) {
    for stage in Self.all { self[keyPath: stage] += other[keyPath: stage] }
  }

  private static var all: [ReferenceWritableKeyPath<StageTimes, Double>] {
    [\.read, \.decode, \.resize, \.color, \.blur, \.tensor]
  }
}

extension Optional where Wrapped == StageTimes {
  /// Does the work, and where somebody measures, adds how long it took to a stage.
  @inline(__always)
  func measure<Result>(
    _ stage: ReferenceWritableKeyPath<StageTimes, Double>, _ work: () throws -> Result
  ) rethrows -> Result {
    guard let self else { return try work() }
    let start = ContinuousClock.now
    let result = try work()
    let (seconds, attoseconds) = start.duration(to: .now).components
    self[keyPath: stage] += Double(seconds) + Double(attoseconds) * 1e-18
    return result
  }
}
