import Foundation
import Synchronization

/// A thread that tells the others, through the store, that this process is alive.
///
/// A process that was stopped or cut off does not close its connections; that its counter stands still is how the others
/// know which one it is.
final class Heartbeat: Sendable {
  private let stops = Atomic(false)

  /// - Parameter connect: makes a connection that nobody else uses. It is made anew where the store did not answer for a
  ///   while: who serves it may have been stopped and gone on, and this process would be taken for lost ever after.
  /// - Throws: what `connect` throws the first time.
  init(rank: Int, interval: Duration, connect: @escaping @Sendable () throws -> Store) throws {
    let first = try connect()
    let key = Self.key(rank)
    let pause = useconds_t(interval.milliseconds * 1000)
    let beat = Thread { [weak self] in
      var store: Store? = first
      while self?.stops.load(ordering: .relaxed) == false {
        if store == nil { store = try? connect() }
        if (try? store?.add(key, 1)) == nil { store = nil }
        usleep(pause)
      }
    }
    beat.name = "heartbeat"
    beat.start()
  }

  /// The last beat is the last one: others may take this process for lost from now on.
  func stop() { stops.store(true, ordering: .relaxed) }

  static func key(_ rank: Int) -> String { "heartbeat/\(rank)" }
}
