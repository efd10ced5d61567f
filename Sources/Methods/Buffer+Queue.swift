import Torch
import TorchDistributed
import TorchNN

/// A buffer `[K, D]` as a queue of rows, the oldest first, the same in every process.
extension Buffer {
  /// A queue of random rows of length 1.
  ///
  /// - Parameters:
  ///   - length: rows that are kept, K: a multiple of the global batch, so that whole batches leave.
  ///   - generator: draws the rows.
  static func queue(length: Int, dimension: Int, generator: Generator) -> Buffer {
    precondition(length > 0, "Buffer: expected a queue of at least one row, got \(length)")
    return Buffer(Functional.normalize(Tensor.randn([length, dimension], generator: generator)))
  }

  /// Appends the rows of all processes in the order of ranks, as many of each; as many of the oldest leave.
  ///
  /// - Parameter rows: this process's, `[N, D]`.
  func enqueue(_ rows: Tensor, over group: ProcessGroup) {
    withoutGradients {
      let joined = Tensor.concatenate([value, group.gather(rows)])
      value.copy_(joined.narrow(0, joined.shape[0] - value.shape[0]..<joined.shape[0]))
    }
  }
}
