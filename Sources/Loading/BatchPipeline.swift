import DataSets
import Foundation
import Torch

/// Threads fill batches ahead of a consumer, who gets them in order.
///
/// The unit of work is a place or a few in a batch, not a batch: all threads fill the oldest unfinished batch together, so
/// that a slow image holds up one thread only. Each thread has a worker of its own, with memory that it keeps. At most
/// `batchesAhead` batches are in the making or waiting at any time, which bounds memory. Which thread fills which place
/// depends on chance; what it fills in must not.
final class BatchPipeline<Plan: BatchPlan>: @unchecked Sendable {
  private struct Slot {
    let number: Int
    let storage: Plan.Storage
    var started = 0
    var unfinished: Int
  }

  private let plan: Plan
  private let numbers: Range<Int>
  private let batchesAhead: Int
  private let placesAtOnce: Int

  // Everything below is guarded by the condition's lock.
  private let condition = NSCondition()
  private var slots: [Slot] = []
  private var nextNumber: Int
  private var isStopped = false
  private var failure: (any Error)?
  private var workers: WorkerThreads?

  /// - Parameters:
  ///   - numbers: the batches to make.
  ///   - batchesAhead: most batches that may be held, at least 1.
  ///   - placesAtOnce: how many places a thread takes at a time: more than one where the work on each is so little that
  ///     threads would get into each other's way.
  init(_ plan: Plan, numbers: Range<Int>, threads: Int, batchesAhead: Int, placesAtOnce: Int = 1) {
    precondition(batchesAhead >= 1, "BatchPipeline: expected at least 1 batch ahead, got \(batchesAhead)")
    self.plan = plan
    self.numbers = numbers
    self.batchesAhead = batchesAhead
    self.placesAtOnce = placesAtOnce
    nextNumber = numbers.lowerBound
    guard !numbers.isEmpty else { return }
    do {
      workers = try WorkerThreads(count: threads) { [self] in
        TorchRuntime.runThreadAnywhere()
        work()
      }
    } catch {
      failure = error
    }
  }

  /// The next batch, once it is complete; nil after the last one and after `cancel()`.
  ///
  /// - Throws: what beginning or filling a batch threw, on any thread, after stopping all of them.
  func next() throws -> Plan.Storage? {
    condition.lock()
    while failure == nil, !isStopped, slots.first.map({ $0.unfinished > 0 }) ?? (nextNumber < numbers.upperBound) {
      condition.wait()
    }
    if let error = failure {
      condition.unlock()
      cancel()
      throw error
    }
    guard !isStopped, !slots.isEmpty else {
      condition.unlock()
      cancel()
      return nil
    }
    let slot = slots.removeFirst()
    condition.broadcast()
    condition.unlock()
    return slot.storage
  }

  /// Whether ``next()`` would give a batch at once.
  var isNextComplete: Bool {
    condition.lock()
    defer { condition.unlock() }
    return failure == nil && slots.first?.unfinished == 0
  }

  /// Stops all threads, each after the image it is at, and returns when none is left. Calling it again does nothing.
  func cancel() {
    condition.lock()
    isStopped = true
    slots = []
    let running = workers
    workers = nil
    condition.broadcast()
    condition.unlock()
    running?.join()
  }

  private func work() {
    let worker = plan.makeWorker()
    do {
      while let (number, storage, places) = try takePlaces() {
        for place in places { try worker.fill(place, of: storage) }
        finish(places.count, of: number)
      }
    } catch {
      fail(error)
    }
  }

  /// Places of the oldest batch that still has some, or of a new batch as soon as there may be one; nil at the end.
  private func takePlaces() throws -> (number: Int, storage: Plan.Storage, places: Range<Int>)? {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped, failure == nil {
      if let index = slots.firstIndex(where: { $0.started < $0.storage.count }) {
        let start = slots[index].started
        slots[index].started = min(start + placesAtOnce, slots[index].storage.count)
        return (slots[index].number, slots[index].storage, start..<slots[index].started)
      }
      guard nextNumber < numbers.upperBound else { return nil }
      if slots.count < batchesAhead {
        let storage = try plan.beginBatch(nextNumber)
        slots.append(Slot(number: nextNumber, storage: storage, unfinished: storage.count))
        nextNumber += 1
        condition.broadcast()
      } else {
        condition.wait()
      }
    }
    return nil
  }

  private func finish(_ places: Int, of number: Int) {
    condition.lock()
    defer { condition.unlock() }
    guard let index = slots.firstIndex(where: { $0.number == number }) else { return }
    slots[index].unfinished -= places
    if slots[index].unfinished == 0 { condition.broadcast() }
  }

  private func fail(_ error: any Error) {
    condition.lock()
    defer { condition.unlock() }
    if failure == nil { failure = error }
    condition.broadcast()
  }
}
