import Dispatch
import Foundation
import Synchronization

/// Turns Ctrl-C and SIGTERM into a wish that the training loop asks for; the second time the program leaves at once.
final class StopSignal {
  private let count = Count()
  private var sources: [any DispatchSourceSignal] = []

  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [count] in
        if count.increment() > 1 { _exit(128 + number) }
      }
      source.resume()
      sources.append(source)
    }
  }

  /// Whether a stop was asked for.
  var isSet: Bool { count.value > 0 }

  /// How often, counted on the queue that signals arrive on.
  private final class Count: Sendable {
    private let number = Atomic(0)

    var value: Int { number.load(ordering: .relaxed) }

    func increment() -> Int { number.add(1, ordering: .relaxed).newValue }
  }
}
