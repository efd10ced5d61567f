import Torch
import TorchDistributed
import TorchNN

/// BatchNorm's running statistics of a model: what a forward pass changes besides gradients.
struct RunningStatistics {
  /// Tensors of one type, and what they were.
  private struct Part {
    let buffers: [Tensor]
    let kept: [Tensor]

    init(_ buffers: [Tensor]) {
      self.buffers = buffers
      kept = buffers.map { $0.clone() }
    }
  }

  private let moments: Part
  private let counts: Part
  private var parts: [Part] { [moments, counts].filter { !$0.buffers.isEmpty } }

  init(of layers: [BatchNorm]) {
    moments = Part(layers.flatMap { [$0.runningMean.value, $0.runningVar.value] })
    counts = Part(layers.map(\.numBatchesTracked.value))
  }

  /// Keeps what they are now.
  func keep() { for part in parts { Foreach.copy_(part.kept, part.buffers) } }

  /// Makes them what they were when last kept.
  func restore() { for part in parts { Foreach.copy_(part.buffers, part.kept) } }

  /// Replaces those of every process by their mean, where each normalizes by its own images.
  func average(over group: ProcessGroup) throws {
    let all = Tensor.concatenate(moments.buffers)
    try group.allReduce(all)
    all.mul_(1 / Double(group.size))
    Foreach.copy_(moments.buffers, all.split(like: moments.buffers))
  }
}

extension Tensor {
  /// Cuts a vector into pieces that have as many elements as `tensors`, one after another.
  fileprivate func split(like tensors: [Tensor]) -> [Tensor] {
    var start = 0
    return tensors.map { tensor in
      defer { start += tensor.count }
      return narrow(0, start..<start + tensor.count)
    }
  }
}
