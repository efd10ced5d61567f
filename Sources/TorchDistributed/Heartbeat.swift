import Foundation
import Synchronization

/// A thread that tells the others, through the store, that this process is alive.
///
/// A process that was stopped or cut off does not close its connections; that its counter stands still is how the others
/// know which one it is.
final class Heartbeat: Sendable {
  private let stops = Atomic(false)

  /// - Parameter store: a connection that nobody else uses.
  init(rank: Int, interval: Duration, store: Store) {
    let key = Self.key(rank)
    let beat = Thread { [weak self] in
      while self?.stops.load(ordering: .relaxed) == false {
        guard (try? store.add(key, 1)) != nil else { return }
        usleep(useconds_t(interval.milliseconds * 1000))
      }
    }
    beat.name = "heartbeat"
    beat.start()
  }

  /// The last beat is the last one: others may take this process for lost from now on.
  func stop() { stops.store(true, ordering: .relaxed) }

  static func key(_ rank: Int) -> String { "heartbeat/\(rank)" }
}
