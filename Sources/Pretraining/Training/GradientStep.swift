import Augmentation
import Methods
import Torch
import TorchDistributed
import TorchNN

/// What a step computes before the optimizer changes anything: the loss of the global batch, of which this process has a
/// part of the images, and its gradients.
package struct GradientStep {
  let method: any PretrainingMethod
  let reduction: any GradientReduction
  let device: Device
  /// The type of convolutions and matrix products.
  let dtype: DType
  /// Parts that the images go through the network in.
  let accumulationSteps: Int
  private let drawing: [DrawingLayer]

  package init(
    _ method: any PretrainingMethod, reduction: any GradientReduction, device: Device, dtype: DType,
    accumulationSteps: Int
  ) {
    (self.method, self.reduction) = (method, reduction)
    (self.device, self.dtype, self.accumulationSteps) = (device, dtype, accumulationSteps)
    drawing = method.drawingLayers()
  }

  /// Leaves in every parameter the gradient of the global batch's loss, times the scale of `scaler`.
  ///
  /// - Parameters:
  ///   - views: of this process's images, each `[N, 3, S, S]`.
  ///   - images: which images they are, for layers that draw by that; nil: they draw nothing.
  ///   - labels: of these images, int64 `[N]`; only for a method that uses them.
  ///   - onEmbeddings: given what the method made of the views, before the loss.
  /// - Returns: this process's part of the loss: those of all processes add up to it.
  /// - Throws: `DistributedError` when another process was lost.
  package func callAsFunction(
    _ views: [Tensor], of images: ImageKeys? = nil, labels: Tensor? = nil, scaledBy scaler: LossScaler,
    onEmbeddings: ([ViewEmbeddings]) -> Void = { _ in }
  ) throws -> Tensor {
    let labels = labels?.to(device: device)
    return accumulationSteps == 1
      ? try atOnce(views, images, labels, scaler, onEmbeddings)
      : try inParts(views, images, labels, scaler, onEmbeddings)
  }

  private func atOnce(
    _ views: [Tensor], _ images: ImageKeys?, _ labels: Tensor?, _ scaler: LossScaler,
    _ onEmbeddings: ([ViewEmbeddings]) -> Void
  ) throws -> Tensor {
    let loss = mixedPrecision {
      let embedded = views.enumerated().map {
        ViewEmbeddings(embed($1, images, view: $0), targets: targets($1, view: $0), labels: labels)
      }
      onEmbeddings(embedded)
      return contrast(embedded)
    }
    try reduction.backward(from: scaler.scaled(loss), nil)
    return loss.detached()
  }

  /// Embeds everything without keeping activations, finds the gradient of every embedding from all of them, then embeds
  /// each part again and backpropagates its embeddings' gradients (Gao et al. 2021, arXiv 2101.06983). The loss is
  /// that of the whole batch; only BatchNorm can tell the parts.
  private func inParts(
    _ views: [Tensor], _ images: ImageKeys?, _ labels: Tensor?, _ scaler: LossScaler,
    _ onEmbeddings: ([ViewEmbeddings]) -> Void
  ) throws -> Tensor {
    let images = parts(of: images)
    let leaves = views.enumerated().map { number, view in
      let embeddings = method.withoutTrackingStatistics {
        joined(
          zip(parts(of: view), images).map { part, images in
            withoutGradients { mixedPrecision { embed(part, images, view: number) } }
          })
      }
      let targets = joined(parts(of: view).map { part in mixedPrecision { self.targets(part, view: number) } })
      return ViewEmbeddings(embeddings.map { $0.requireGradient() }, targets: targets, labels: labels)
    }
    onEmbeddings(leaves)
    let loss = mixedPrecision { contrast(leaves) }
    scaler.scaled(loss).backward()
    let embedded = views.indices.filter(method.embeds)
    for part in 0..<accumulationSteps {
      for number in embedded {
        let view = views[number]
        let embeddings = mixedPrecision { embed(parts(of: view)[part], images[part], view: number) }
        let gradients = leaves[number].embeddings.map { parts(of: $0.gradient ?? Tensor.zeros(like: $0))[part] }
        let isLast = part == accumulationSteps - 1 && number == embedded.last
        try backward(from: embeddings, gradients, isLast: isLast)
      }
    }
    return loss.detached()
  }

  /// Backpropagates from all embeddings of a view at once.
  private func backward(from embeddings: [Tensor], _ gradients: [Tensor], isLast: Bool) throws {
    // Of several the weighted sum has the same gradient.
    let (output, gradient) =
      embeddings.count == 1
      ? (embeddings[0], gradients[0] as Tensor?)
      : (Tensor.stack(zip(embeddings, gradients).map { ($0 * $1).sum().to(.float64) }).sum(), nil)
    if isLast { try reduction.backward(from: output, gradient) } else { output.backward(gradient) }
  }

  /// Embeddings of one view of each image. Views go through the network one after another, so that BatchNorm
  /// sees one kind of view at a time. Targets have no random numbers: they are what is to be predicted.
  private func embed(_ images: Tensor, _ keys: ImageKeys?, view: Int) -> [Tensor] {
    guard method.embeds(view: view) else { return [] }
    var keys = keys
    keys?.view = view
    return drawing.seeing(keys) { method.embed(onDevice(images), view: view) }
  }

  private func targets(_ images: Tensor, view: Int) -> [Tensor] {
    guard view < AugmentationConfiguration.globalViewCount && method.hasTargets(view: view) else { return [] }
    return withoutGradients { method.targets(onDevice(images), view: view) }
  }

  private func onDevice(_ images: Tensor) -> Tensor {
    let there = images.to(device: device).channelsLast()
    return dtype == .float64 ? there.to(.float64) : there
  }

  private func contrast(_ views: [ViewEmbeddings]) -> Tensor {
    method.contrast(views, globalCount: AugmentationConfiguration.globalViewCount)
  }

  private func mixedPrecision<Result>(_ body: () -> Result) -> Result { withAutocast(device, dtype, body) }

  private func parts(of tensor: Tensor) -> [Tensor] {
    let length = tensor.shape[0] / accumulationSteps
    return (0..<accumulationSteps).map { tensor.narrow(0, $0 * length..<($0 + 1) * length) }
  }

  private func parts(of images: ImageKeys?) -> [ImageKeys?] {
    (0..<accumulationSteps).map { part in
      var keys = images
      let length = (images?.samples.count ?? 0) / accumulationSteps
      keys?.samples = images.map { Array($0.samples[part * length..<(part + 1) * length]) } ?? []
      return keys
    }
  }

  /// Outputs of parts, each a list, as outputs of the whole.
  private func joined(_ parts: [[Tensor]]) -> [Tensor] {
    parts[0].indices.map { output in Tensor.concatenate(parts.map { $0[output] }) }
  }
}
