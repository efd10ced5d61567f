import Torch
import TorchDistributed
import TorchNN

/// BatchNorm's running statistics of a model: what a forward pass changes besides gradients.
struct RunningStatistics {
  private let buffers: [Tensor]

  init(of model: Module) {
    buffers = model.batchNorms().flatMap { [$0.runningMean.value, $0.runningVar.value, $0.numBatchesTracked.value] }
  }

  /// What they are now.
  func copy() -> [Tensor] { buffers.map { $0.clone() } }

  /// Makes them what ``copy()`` gave.
  func restore(_ copy: [Tensor]) { for (buffer, value) in zip(buffers, copy) { buffer.copy_(value) } }

  /// Replaces those of every process by their mean, where each normalises by its own images.
  func average(over group: ProcessGroup) throws {
    let floating = buffers.filter(\.dtype.isFloatingPoint)
    let all = Tensor.concatenate(floating)
    try group.allReduce(all)
    all.mul_(1 / Double(group.size))
    var start = 0
    for buffer in floating {
      buffer.copy_(all.narrow(0, start..<start + buffer.count))
      start += buffer.count
    }
  }
}
