import Augmentation
import Torch
import TorchDistributed
import TorchNN

/// What a step computes before the optimizer changes anything: the loss of the global batch, of which this process has a
/// part of the images, and its gradients.
package struct ContrastiveStep {
  let model: SimCLRModel
  let ntXent: NTXentLoss
  let reduction: any GradientReduction
  let device: Device
  /// The type of convolutions and matrix products.
  let dtype: DType
  /// Parts that the images go through the network in.
  let accumulationSteps: Int

  package init(
    model: SimCLRModel, ntXent: NTXentLoss, reduction: any GradientReduction, device: Device, dtype: DType,
    accumulationSteps: Int
  ) {
    (self.model, self.ntXent, self.reduction) = (model, ntXent, reduction)
    (self.device, self.dtype, self.accumulationSteps) = (device, dtype, accumulationSteps)
  }

  /// Leaves in every parameter the gradient of the global batch's loss, times the scale of `scaler`.
  ///
  /// - Parameter views: of this process's images, each `[N, 3, S, S]`.
  /// - Returns: this process's part of the loss: those of all processes add up to it.
  /// - Throws: `DistributedError` when another process was lost.
  package func callAsFunction(_ views: [Tensor], scaledBy scaler: LossScaler) throws -> Tensor {
    accumulationSteps == 1 ? try atOnce(views, scaler) : try inParts(views, scaler)
  }

  private func atOnce(_ views: [Tensor], _ scaler: LossScaler) throws -> Tensor {
    let loss = mixedPrecision { contrast(views.map(embed)) }
    try reduction.backward(from: scaler.scaled(loss), nil)
    return loss.detached()
  }

  /// Embeds everything without keeping activations, finds the gradient of every projection from all of them, then embeds
  /// each part again and backpropagates its projections' gradients (Gao et al. 2021, arXiv 2101.06983). The negatives are
  /// those of the whole batch; only BatchNorm can tell the parts.
  private func inParts(_ views: [Tensor], _ scaler: LossScaler) throws -> Tensor {
    let projections = model.withoutTrackingStatistics {
      withoutGradients {
        mixedPrecision { views.map { Tensor.concatenate(parts(of: $0).map(embed)).requireGradient() } }
      }
    }
    let loss = mixedPrecision { contrast(projections) }
    scaler.scaled(loss).backward()
    for part in 0..<accumulationSteps {
      for (index, view) in views.enumerated() {
        let projection = mixedPrecision { embed(parts(of: view)[part]) }
        let gradient = parts(of: projections[index].gradient!)[part]
        let isLast = part == accumulationSteps - 1 && index == views.count - 1
        if isLast { try reduction.backward(from: projection, gradient) } else { projection.backward(gradient) }
      }
    }
    return loss.detached()
  }

  /// Projections `[N, D]` of one view of each image. Views go through the network one after another, so that BatchNorm
  /// sees one kind of view at a time.
  private func embed(_ images: Tensor) -> Tensor {
    let there = images.to(device: device).channelsLast()
    return model(dtype == .float64 ? there.to(.float64) : there)
  }

  private func contrast(_ projections: [Tensor]) -> Tensor {
    ntXent(projections, globalCount: AugmentationConfiguration.globalViewCount)
  }

  private func mixedPrecision<Result>(_ body: () -> Result) -> Result { withAutocast(device, dtype, body) }

  private func parts(of tensor: Tensor) -> [Tensor] {
    let length = tensor.shape[0] / accumulationSteps
    return (0..<accumulationSteps).map { tensor.narrow(0, $0 * length..<($0 + 1) * length) }
  }
}
