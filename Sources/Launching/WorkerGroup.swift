import Foundation

/// The workers of one attempt, from their start to the end of the last one.
final class WorkerGroup {
  /// How they ended.
  enum Ending {
    case finished
    /// Saved and stopped.
    case stopped
    /// Ended by a signal to the supervisor before anything was saved; `isCutShort` if by a second one.
    case interrupted(signal: Int32, isCutShort: Bool)
    case failed(Worker, WorkerEnding)
  }

  private let workers: [Worker]
  private let signals: SignalPipe
  private let output: SharedErrorOutput
  private let killDelay: Duration
  private var firstFailure: (worker: Worker, ending: WorkerEnding)?
  private var killTime: ContinuousClock.Instant?
  private var stopSignal: Int32?
  private var requests = StopRequests()
  private var isCutShort = false

  init(_ workers: [Worker], signals: SignalPipe, output: SharedErrorOutput, killDelay: Duration) {
    self.workers = workers
    self.signals = signals
    self.output = output
    self.killDelay = killDelay
  }

  /// Whether people asked the workers to stop.
  var wasAskedToStop: Bool { stopSignal != nil }

  /// Waits for all, passing signals to them and their texts on.
  func run() -> Ending {
    while true {
      for signal in signals.take() { obey(signal) }
      for worker in workers { worker.readErrors(to: output) }
      note(workers.filter { $0.noticeEnd(output) })
      killLateOnes()
      guard workers.contains(where: \.isRunning) else { return ending }
      waitForNews()
    }
  }

  private func waitForNews() {
    var descriptors = [pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)]
    descriptors += workers.filter { $0.errors >= 0 }.map { pollfd(fd: $0.errors, events: Int16(POLLIN), revents: 0) }
    // Interrupted by a signal, it is in the pipe.
    poll(&descriptors, nfds_t(descriptors.count), milliseconds(until: killTime))
  }

  /// Hands the first signal on, for the workers to save and stop; one that insists ends them.
  private func obey(_ signal: Int32) {
    let insists = requests.insists(signal)
    if stopSignal == nil {
      stopSignal = signal
      for worker in workers { worker.send(signal) }
    } else if insists {
      isCutShort = true
      killAll()
    }
  }

  /// Of workers whose ends came to notice together, one that a signal ended was first: the others reacted to it.
  private func note(_ ended: [Worker]) {
    let endings = ended.map { (worker: $0, ending: $0.ending!) }
    let failures = endings.filter { $0.ending.isFailure }
    guard firstFailure == nil, let first = failures.first(where: { $0.ending.isKill }) ?? failures.first else { return }
    firstFailure = first
    // What a worker might say about one that a signal ended is known already.
    killTime = first.ending.isKill ? .now : .now + killDelay
  }

  /// Nobody is asked to save: a checkpoint is written together, and one of them is gone.
  private func killLateOnes() {
    if let killTime, killTime <= .now { killAll() }
  }

  private func killAll() {
    killTime = nil
    for worker in workers { worker.killGroup() }
  }

  private var ending: Ending {
    if let (worker, cause) = firstFailure {
      let isOurs = isCutShort && cause == .killed(signal: SIGKILL)
      if let stopSignal, isOurs || cause == .killed(signal: stopSignal) || cause == .exited(128 + stopSignal) {
        return .interrupted(signal: stopSignal, isCutShort: isCutShort)
      }
      return .failed(worker, cause)
    }
    return workers.contains { $0.ending == .exited(WorkerEnding.stoppedCode) } ? .stopped : .finished
  }

  /// Rounded up, so that waiting ends after the time rather than before it, again and again.
  private func milliseconds(until time: ContinuousClock.Instant?) -> Int32 {
    guard let time else { return -1 }
    let left = ContinuousClock.now.duration(to: time).components
    return Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1))
  }
}
