import Torch
import TorchDistributed

/// What all processes decide together once a step's gradients are there.
struct StepVerdict {
  /// Of the global batch.
  let loss: Double
  /// Whether loss and gradients are finite in every process; if not, the step is skipped in all.
  let isFinite: Bool
  /// Whether some process was asked to stop.
  let stops: Bool

  /// - Parameter loss: this process's part.
  /// - Throws: `DistributedError` when another process was lost.
  init(loss: Double, gradientsAreFinite: Bool, stops: Bool, in world: World) throws {
    let votes = Tensor([loss, gradientsAreFinite ? 0 : 1, stops ? 1 : 0])
    try world.group.allReduce(votes)
    let sums = votes.array(of: Double.self)
    self.loss = sums[0]
    isFinite = sums[0].isFinite && sums[1] == 0
    self.stops = sums[2] > 0
  }
}
