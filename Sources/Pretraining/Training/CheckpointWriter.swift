import Dispatch
import Synchronization
import Torch

/// Writes checkpoints while training goes on, which waits for a copy of the state only. One is written at a time: the next
/// waits for it.
///
/// One that cannot be written, since the disk is full, is told of and given up: the last good one is whole, and there may be
/// room for the next. But the first of a run and the last must succeed. The first is waited for: until there is one,
/// nothing tells that steps of the metrics had a checkpoint.
final class CheckpointWriter {
  /// How the writing of a checkpoint ended.
  enum End {
    case written(step: Int)
    case failed(RunError)
  }

  private let run: RunFolder
  private let keep: Int
  private let queue = DispatchQueue(label: "checkpoints")
  private let writing = DispatchGroup()
  private let ending = Ending()
  private var isFirst: Bool

  /// How the last one ended, for the training thread to learn.
  private final class Ending: Sendable {
    let result = Mutex<(Result<Int, RunError>, mustSucceed: Bool)?>(nil)
  }

  /// - Parameters:
  ///   - keep: checkpoints that stay; 0: all.
  ///   - isFirst: whether the run has none yet.
  init(_ run: RunFolder, keep: Int, isFirst: Bool) {
    (self.run, self.keep, self.isFirst) = (run, keep, isFirst)
  }

  /// Copies the state and begins to write it.
  ///
  /// - Parameters:
  ///   - isLast: whether the run ends with it.
  ///   - onEnd: told how an earlier checkpoint ended that it had to wait for, and this one if it is waited for.
  /// - Throws: ``RunError`` when one that must succeed could not be written.
  func write(
    _ position: Checkpoint.Position, model: [(name: String, tensor: Tensor)],
    optimizer: [(name: String, tensor: Tensor)], isLast: Bool, onEnd: (End) -> Void
  ) throws {
    try finish(onEnd)
    let (model, optimizer) = (Self.copies(of: model), Self.copies(of: optimizer))
    let mustSucceed = isFirst || isLast
    queue.async(group: writing) { [run, keep, ending] in
      TorchRuntime.runThreadAnywhere()
      let result = Result<Int, RunError> { () throws(RunError) in
        try Checkpoint.write(position, model: model, optimizer: optimizer, in: run, keep: keep)
        return position.step
      }
      ending.result.withLock { $0 = (result, mustSucceed) }
    }
    if isFirst { try finish(onEnd) }
    isFirst = false
  }

  /// Tells how a checkpoint ended since this was last asked, without waiting.
  ///
  /// - Throws: ``RunError`` when one that must succeed could not be written.
  func report(_ onEnd: (End) -> Void) throws {
    let ended = ending.result.withLock { result in
      defer { result = nil }
      return result
    }
    guard let (result, mustSucceed) = ended else { return }
    switch result {
    case .success(let step): onEnd(.written(step: step))
    case .failure(let error) where mustSucceed: throw error
    case .failure(let error): onEnd(.failed(error))
    }
  }

  /// Waits until nothing is being written any more.
  ///
  /// - Throws: ``RunError`` when one that must succeed could not be written.
  func finish(_ onEnd: (End) -> Void) throws {
    writing.wait()
    try report(onEnd)
  }

  deinit { writing.wait() }

  private static func copies(of tensors: [(name: String, tensor: Tensor)]) -> [(name: String, tensor: Tensor)] {
    tensors.map { ($0.name, $0.tensor.device == .cpu ? $0.tensor.clone() : $0.tensor.to(device: .cpu)) }
  }
}
