import Synchronization

/// How long the stages from a file to a tensor took, in seconds, summed over images.
public final class StageTimes: @unchecked Sendable {
  public package(set) var read = 0.0
  public package(set) var decode = 0.0
  public package(set) var resize = 0.0
  public package(set) var color = 0.0
  public package(set) var blur = 0.0
  public package(set) var tensor = 0.0

  init() {}

  private static let stages: [(name: String, path: ReferenceWritableKeyPath<StageTimes, Double> & Sendable)] = [
    ("read", \.read), ("decode", \.decode), ("resize", \.resize), ("color", \.color), ("blur", \.blur),
    ("tensor", \.tensor),
  ]

  /// The same by the names of the stages.
  public var seconds: [String: Double] {
    Dictionary(uniqueKeysWithValues: Self.stages.map { ($0.name, self[keyPath: $0.path]) })
  }

  /// The sums over several threads. To be asked for when those threads have ended.
  static func total(_ parts: [StageTimes]) -> StageTimes {
    let total = StageTimes()
    for (_, stage) in stages { total[keyPath: stage] = parts.reduce(0) { $0 + $1[keyPath: stage] } }
    return total
  }
}

/// Gives every thread stage times of its own, and adds them up.
package final class StageTally: Sendable {
  private let parts = Mutex<[StageTimes]>([])

  package init() {}

  package func makeTimes() -> StageTimes {
    let times = StageTimes()
    parts.withLock { $0.append(times) }
    return times
  }

  package var total: StageTimes { StageTimes.total(parts.withLock { $0 }) }
}

extension Optional where Wrapped == StageTimes {
  /// Does the work, and where somebody measures, adds how long it took to a stage.
  @inlinable @inline(__always)
  package func measure<Result>(
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
