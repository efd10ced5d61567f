import Torch
import TorchDistributed

/// The supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362, Eq. 2, where the mean over positives is outside of the
/// logarithm): each of the 2N views is told by its positives, which are all other views of its class, from all other views;
/// similarity is the cosine. Where every image is a class of its own it is NT-Xent.
///
/// Memory is linear in the batch: similarities are computed a block of rows at a time, and nothing of the size [2N, 2N] is kept.
public struct SupConLoss: Sendable {
  /// The temperature τ that divides the cosines; above 0.
  public let temperature: Double
  /// The processes whose views are contrasted with each other.
  private let group: ProcessGroup

  /// - Parameter group: processes that each compute the loss of their own views against those of all, as many in each.
  ///   The losses of all processes add up to the loss of the global batch, and so do their gradients.
  public init(temperature: Double, over group: ProcessGroup = .single()) {
    precondition(temperature > 0, "SupConLoss: expected a temperature above 0, got \(temperature)")
    (self.temperature, self.group) = (temperature, group)
  }

  /// The mean loss over the 2N views of the global batch, or this process's part of it; of multi-crop the mean over pairs of a
  /// global and another view.
  ///
  /// - Parameters:
  ///   - views: projections of the views, each `[N, D]` of the same images in the same order; two or more.
  ///   - labels: of these images, `[N]`.
  ///   - globalCount: how many of the views, from the first on, are global; at least 1.
  public func callAsFunction(_ views: [Tensor], labels: Tensor, globalCount: Int) -> Tensor {
    let shape = views[0].shape
    precondition(
      views.count >= 2 && views.allSatisfy { $0.shape == shape } && labels.shape == [shape[0]],
      "SupConLoss: expected two views or more of one shape [N, D] and N labels, got \(views.map(\.shape)) and \(labels.shape)"
    )
    let precision: DType = views[0].dtype == .float64 ? .float64 : .float32
    return withAutocast(views[0].device, .float32) {
      let z = NTXentLoss.unitVectors(Tensor.concatenate(views.map { $0.to(precision) }))
      // Numbers of classes are exact in float32, and exchanges within a network are of floating-point numbers.
      let labels = group.gather(labels.to(precision)).reshaped([group.size, shape[0]])
      return meanOverPairs(
        group.gather(z), labels: labels, shape: [group.size, views.count] + shape, globalCount: globalCount)
    }
  }

  /// The part of the loss that this process's views have, as a function of the unit vectors of all: process by process, view
  /// by view.
  ///
  /// - Parameters:
  ///   - labels: `[W, N]`.
  ///   - shape: `[W, V, N, D]` of W processes and V views of N images each.
  private func meanOverPairs(_ z: Tensor, labels: Tensor, shape: [Int], globalCount: Int) -> Tensor {
    let operation = DifferentiableOperation { [self, needsGradient = z.requiresGradient] inputs in
      let views = inputs[0].reshaped(shape)
      let gradient = needsGradient ? Tensor.zeros(like: views) : nil
      let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
      let pairs = viewPairs(of: shape[1], globalCount: globalCount)
      let labels = Tensor.stack([labels, labels], dimension: 1).flattened()
      for (first, second) in pairs {
        func both(_ tensor: Tensor) -> [Tensor] { [first, second].map { tensor.narrow(1, $0..<$0 + 1) } }
        let pair = Tensor.concatenate(both(views), dimension: 1)
        let slope = gradient.map { _ in Tensor.zeros(like: pair) }
        total.add_(sumOfLosses(pair.flattened(from: 0, to: 2), labels, slope?.flattened(from: 0, to: 2)))
        guard let gradient, let slope else { continue }
        for (place, part) in both(gradient).enumerated() { part.add_(slope.narrow(1, place..<place + 1)) }
      }
      let count = Double(2 * shape[0] * shape[2] * pairs.count)
      gradient?.mul_(1 / (count * temperature))
      return ([total / count], { slopes in [gradient.map { ($0 * slopes[0]).flattened(from: 0, to: 2) }] })
    }
    return operation(z)[0]
  }

  /// - Parameters:
  ///   - views: two views of all images, `[2N, D]`.
  ///   - labels: of these views, `[2N]`.
  ///   - gradient: grows by τ times the gradient of the result.
  /// - Returns: the sum of the losses of this process's views.
  private func sumOfLosses(_ views: Tensor, _ labels: Tensor, _ gradient: Tensor?) -> Tensor {
    let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
    let own = views.shape[0] / group.size
    let length = max(1, NegativePairs.blockElements(on: views.device) / views.shape[0])
    for rows in (group.rank * own..<(group.rank + 1) * own).blocks(of: length) {
      let anchors = views.narrow(0, rows)
      let logits = anchors.matmul(views.transposed()).mul_(1 / temperature)
      logits.diagonal(offset: rows.lowerBound).fill_(-.infinity)
      let logProbabilities = Functional.logSoftmax(logits, dimension: 1)
      let positives = labels.narrow(0, rows).unsqueezed(1).equal(labels.unsqueezed(0)).to(views.dtype)
      positives.diagonal(offset: rows.lowerBound).fill_(0)
      // An anchor has a positive at least, its other view.
      let shares = positives.div_(positives.sum(1, keepDimensions: true))
      let probabilities = logProbabilities.exp()
      logProbabilities.diagonal(offset: rows.lowerBound).fill_(0)
      total.sub_((shares * logProbabilities).sum())
      guard let gradient else { continue }
      let excess = probabilities.sub_(shares)
      gradient.narrow(0, rows).addmm_(excess, views)
      gradient.addmm_(excess.transposed(), anchors)
    }
    return total
  }
}
