import Torch
import TorchNN

extension ProcessGroup: SharedStatistics {}

extension Module {
  /// Has all layers of batch normalization train on the statistics of all processes of `group`, which must make the same
  /// calls in the same order.
  public final func synchronizeBatchNorm(over group: ProcessGroup) {
    for layer in batchNorms() { layer.statistics = group }
  }
}
