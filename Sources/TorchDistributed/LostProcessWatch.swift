import Dispatch
import Foundation
import Synchronization

/// Ends this process's waiting for a CUDA device when another process is lost.
///
/// An exchange over TCP fails when the process that it waits for is gone. One over NCCL goes on within the device, and the
/// thread that waits for the device neither returns nor looks anywhere else. So two other threads do: one waits for the
/// next rank's farewell or for the end of its connection, one asks again and again whether a process has raised the alarm
/// and whether NCCL found an error. Either raises the alarm for all processes and aborts this one's exchanges over NCCL.
/// The training thread then returns from the device, and its next exchange throws.
final class LostProcessWatch: Sendable {
  private let group: ProcessGroup
  private let store: Store
  private let seal: JobSeal
  private let isOver = Atomic(false)
  private let end = DispatchSemaphore(value: 0)
  private let hasNoticed = Atomic(false)
  private let patience: Duration
  private let whenStuck: @Sendable () -> Void

  /// - Parameters:
  ///   - group: of all processes.
  ///   - store: a connection that nobody else uses.
  ///   - seal: what the alarm is told from a stranger's by.
  ///   - interval: between two questions.
  ///   - patience: how long the training thread may take to return once the exchanges were aborted.
  ///   - whenStuck: called when it does not.
  init(
    over group: ProcessGroup, store: Store, seal: JobSeal, interval: Duration, patience: Duration,
    whenStuck: @escaping @Sendable () -> Void
  ) {
    (self.group, self.store, self.seal) = (group, store, seal)
    (self.patience, self.whenStuck) = (patience, whenStuck)
    let next = (group.rank + 1) % group.size
    Self.onThread("farewell") { [self] in
      if !group.awaitFarewell(from: next) { notice() }
    }
    Self.onThread("alarm") { [self] in
      repeat {
        if group.hasErrorOverNCCL || hearsAlarm { return notice() }
      } while end.wait(timeout: .now() + .milliseconds(Int(interval.milliseconds))) == .timedOut
    }
  }

  /// Nothing is a loss from now on. Others learn that this process leaves in good order.
  func leave() {
    stop()
    group.sayFarewell(to: (group.rank + group.size - 1) % group.size)
  }

  /// Nothing is a loss from now on, because the training thread has noticed one or failed itself.
  func stop() {
    isOver.store(true, ordering: .relaxed)
    end.signal()
  }

  /// A store that no longer answers is as bad: who serves it is gone.
  private var hearsAlarm: Bool { (try? store.announcement(Membership.alarmKey, seal) != nil) ?? true }

  private func notice() {
    guard !isOver.load(ordering: .relaxed), !hasNoticed.exchange(true, ordering: .relaxed) else { return }
    try? store.announce(Membership.alarmKey, "", seal)
    let start = ContinuousClock.now
    Self.onThread("abort") { [group] in group.abort() }
    while !isOver.load(ordering: .relaxed) {
      usleep(50_000)
      if start.duration(to: .now) > patience { return whenStuck() }
    }
  }

  private static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.name = name
    thread.start()
  }
}
