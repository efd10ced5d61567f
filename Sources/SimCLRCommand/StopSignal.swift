import ArgumentParser
import Dispatch
import Foundation
import Launching
import Synchronization

/// Ctrl-C, SIGTERM, and whatever else says that the process will have to end (`StopRequests.signals`). While training they
/// become a wish that the loop asks for, and who insists has the program leave at once; before and after there is nothing
/// to save, and it leaves the first time.
final class StopSignal {
  private let state = State()
  private var sources: [any DispatchSourceSignal] = []

  private final class State: Sendable {
    let isTraining = Atomic(false)
    let isAsked = Atomic(false)
    let requests = Mutex(StopRequests())
  }

  /// - Parameter canGoOn: whether there is a checkpoint to go on from later.
  init(canGoOn: @escaping @Sendable () -> Bool) {
    for number in StopRequests.signals {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [state] in
        let insists = state.requests.withLock { $0.insists(number) }
        state.isAsked.store(true, ordering: .relaxed)
        if !state.isTraining.load(ordering: .acquiring) {
          Self.leave(128 + number, canGoOn: canGoOn())
        } else if insists {
          _exit(128 + number)
        }
      }
      source.resume()
      sources.append(source)
    }
  }

  /// Runs the training, which asks ``isSet``.
  func whileTraining<Result>(_ body: () throws -> Result) rethrows -> Result {
    state.isTraining.store(true, ordering: .releasing)
    defer { state.isTraining.store(false, ordering: .releasing) }
    return try body()
  }

  /// Whether a stop was asked for.
  var isSet: Bool { state.isAsked.load(ordering: .relaxed) }

  private static func leave(_ code: Int32, canGoOn: Bool) -> Never {
    let text =
      canGoOn
      ? "stopped. Go on from the last checkpoint with the same command and --resume" : "stopped before the first step"
    // Of a supervisor's workers the first one speaks for all.
    let rank = ProcessInfo.processInfo.environment[SupervisorVariable.rank.rawValue]
    if rank ?? "0" == "0" {
      BackgroundOutput.standardError.write("\(text)\n")
      BackgroundOutput.standardError.finish(within: .milliseconds(500))
    }
    _exit(canGoOn ? ExitCode.stoppedBySignal.rawValue : code)
  }
}
