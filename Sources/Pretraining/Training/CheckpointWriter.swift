import Dispatch
import Synchronization
import Torch

/// Writes checkpoints while training goes on, which waits for a copy of the state only. One is written at a time: the next
/// waits for it.
///
/// The first of a run is waited for: until there is one, nothing tells that steps of the metrics had a checkpoint.
final class CheckpointWriter {
  private let run: RunFolder
  private let keep: Int
  private let queue = DispatchQueue(label: "checkpoints")
  private let writing = DispatchGroup()
  private let ending = Ending()
  private var isFirst: Bool

  /// How the last one ended, for the training thread to learn.
  private final class Ending: Sendable {
    let result = Mutex<Result<Int, any Error>?>(nil)
  }

  /// - Parameters:
  ///   - keep: checkpoints that stay; 0: all.
  ///   - isFirst: whether the run has none yet.
  init(_ run: RunFolder, keep: Int, isFirst: Bool) {
    (self.run, self.keep, self.isFirst) = (run, keep, isFirst)
  }

  /// Copies the state and begins to write it.
  ///
  /// - Parameter onEnd: told the step of an earlier checkpoint that it had to wait for, and of this one if it is waited for.
  /// - Throws: ``RunError`` when an earlier one, or this one if it is waited for, could not be written.
  func write(
    _ position: Checkpoint.Position, model: [(name: String, tensor: Tensor)],
    optimizer: [(name: String, tensor: Tensor)], onEnd: (Int) -> Void
  ) throws {
    try finish(onEnd)
    let (model, optimizer) = (Self.copies(of: model), Self.copies(of: optimizer))
    queue.async(group: writing) { [run, keep, ending] in
      let result = Result<Int, any Error> {
        try Checkpoint.write(position, model: model, optimizer: optimizer, in: run, keep: keep)
        return position.step
      }
      ending.result.withLock { $0 = result }
    }
    if isFirst { try finish(onEnd) }
    isFirst = false
  }

  /// Tells the step of a checkpoint that was written since this was last asked, without waiting.
  ///
  /// - Throws: ``RunError`` when it could not be written.
  func report(_ onEnd: (Int) -> Void) throws {
    let result = ending.result.withLock { result in
      defer { result = nil }
      return result
    }
    if let step = try result?.get() { onEnd(step) }
  }

  /// Waits until nothing is being written any more.
  ///
  /// - Throws: ``RunError`` when it could not be written.
  func finish(_ onEnd: (Int) -> Void) throws {
    writing.wait()
    try report(onEnd)
  }

  deinit { writing.wait() }

  private static func copies(of tensors: [(name: String, tensor: Tensor)]) -> [(name: String, tensor: Tensor)] {
    tensors.map { ($0.name, $0.tensor.device == .cpu ? $0.tensor.clone() : $0.tensor.to(device: .cpu)) }
  }
}
