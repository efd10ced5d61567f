import Torch
import TorchDistributed

/// The normalized temperature-scaled cross-entropy of SimCLR (Eq. 1): each of the 2N views has one positive, the other
/// view of its image, among the 2N − 1 other views; similarity is the cosine.
///
/// Memory is linear in the batch: similarities are computed a block at a time, once for the sums of their exponentials
/// and once more for the gradient, so that nothing of the size [2N, 2N] is kept.
public struct NTXentLoss: Sendable {
  /// The temperature τ that divides the cosines; above 0.
  public let temperature: Double
  /// Whether the positive pair is among those that it is told from.
  public let decoupling: Decoupling
  /// The processes whose views are contrasted with each other.
  private let group: ProcessGroup

  /// - Parameter group: processes that each compute the loss of their own views against those of all, as many in each.
  ///   The losses of all processes add up to the loss of the global batch, and so do their gradients.
  public init(temperature: Double, decoupling: Decoupling = .none, over group: ProcessGroup = .single()) {
    precondition(
      temperature > 0 && temperature.isFinite, "NTXentLoss: expected a temperature above 0, got \(temperature)")
    self.temperature = temperature
    self.decoupling = decoupling
    self.group = group
  }

  /// The mean loss over the 2N views of the global batch, or this process's part of it: the sum over its own views,
  /// divided by 2N.
  ///
  /// - Parameters:
  ///   - first: projections of the first views, `[N, D]`, any floating-point type; computed in float32 at least.
  ///   - second: projections of the second views of the same images in the same order, `[N, D]`.
  public func callAsFunction(_ first: Tensor, _ second: Tensor) -> Tensor { self([first, second], globalCount: 1) }

  /// The mean loss over pairs of views of multi-crop: each global view with each other view, global or local, every pair
  /// once. With two views it is the loss of these two.
  ///
  /// Local views show too little to be compared with each other, so they are compared with global ones only: SwAV's
  /// rule (arXiv 2006.09882, section 3.2), which its section 4 applies to SimCLR as well. SwAV counts a
  /// pair of global views twice, once for each side that predicts; NT-Xent is symmetric, so here it counts once.
  ///
  /// - Parameters:
  ///   - views: projections of the views, each `[N, D]` of the same images in the same order; two or more.
  ///   - globalCount: how many of them, from the first on, are global; at least 1.
  public func callAsFunction(_ views: [Tensor], globalCount: Int) -> Tensor {
    precondition(
      views.count >= 2 && 1...views.count ~= globalCount,
      "NTXentLoss: expected two views or more and 1 to as many global ones, got \(views.count) and \(globalCount)")
    let shape = views[0].shape
    precondition(
      shape.count == 2 && shape[0] > 0 && views.allSatisfy { $0.shape == shape },
      "NTXentLoss: expected tensors of one shape [N, D], got \(views.map(\.shape))")
    let precision: DType = views[0].dtype == .float64 ? .float64 : .float32
    return withAutocast(views[0].device, .float32) {
      let z = Self.unitVectors(Tensor.concatenate(views.map { $0.to(precision) }))
      return meanOverPairs(group.gather(z), shape: [group.size, views.count] + shape, globalCount: globalCount)
    }
  }

  /// The rows of `x` divided by their lengths, or by 1e-12 where these are smaller: `Functional.normalize`, which keeps `x`
  /// and takes more memory to go back.
  static func unitVectors(_ x: Tensor) -> Tensor {
    let operation = DifferentiableOperation { inputs in
      let epsilon = 1e-12
      let norms = (inputs[0] * inputs[0]).sum(1, keepDimensions: true).sqrt()
      let lengths = norms.clamp(epsilon...(.infinity))
      let z = inputs[0] / lengths
      return (
        [z],
        { [z = z.detached()] gradients in
          // A row that is not divided by its own length may change along itself.
          let along = (gradients[0] * z).sum(1, keepDimensions: true) * norms.greater(than: epsilon).to(z.dtype)
          return [(z * -along).add_(gradients[0]).div_(lengths)]
        }
      )
    }
    return operation(x)[0]
  }

  /// The part of the loss that this process's views have, as a function of the unit vectors of all: process by process, view
  /// by view.
  ///
  /// - Parameter shape: `[W, V, N, D]` of W processes and V views of N images each.
  private func meanOverPairs(_ z: Tensor, shape: [Int], globalCount: Int) -> Tensor {
    let operation = DifferentiableOperation { [self, needsGradient = z.requiresGradient] inputs in
      let views = inputs[0].reshaped(shape)
      let gradient = needsGradient ? Tensor.zeros(like: views) : nil
      let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
      let pairs = viewPairs(of: shape[1], globalCount: globalCount)
      for (first, second) in pairs { total.add_(sumOfLosses(of: first, second, in: views, gradient)) }
      let count = Double(2 * shape[0] * shape[2] * pairs.count)
      gradient?.mul_(1 / (count * temperature))
      return ([total / count], { slopes in [gradient.map { ($0 * slopes[0]).flattened(from: 0, to: 2) }] })
    }
    return operation(z)[0]
  }

  /// - Parameters:
  ///   - views: `[W, V, N, D]`.
  ///   - gradient: grows by τ times the gradient of the result.
  /// - Returns: the sum of the losses that this process's two views have among those of all processes.
  private func sumOfLosses(of first: Int, _ second: Int, in views: Tensor, _ gradient: Tensor?) -> Tensor {
    let size = 2 * views.shape[2]
    let anchors = group.rank * size..<(group.rank + 1) * size
    let sum = temperature < NegativePairs.leastTemperature ? Self.byLogSoftmax : Self.bySums
    func rows(_ tensor: Tensor) -> Tensor { tensor.flattened(from: 0, to: 2) }
    if views.shape[1] == 2 {
      return sum(rows(views), anchors, temperature, decoupling.weights(in: views, of: group.rank), gradient.map(rows))
    }
    func view(_ number: Int, of tensor: Tensor) -> Tensor { tensor.narrow(1, number..<number + 1) }
    let pair = Tensor.concatenate([view(first, of: views), view(second, of: views)], dimension: 1)
    let slope = gradient.map { _ in Tensor.zeros(like: pair) }
    let weights = decoupling.weights(in: pair, of: group.rank)
    let total = sum(rows(pair), anchors, temperature, weights, slope.map(rows))
    if let gradient, let slope {
      view(first, of: gradient).add_(view(0, of: slope))
      view(second, of: gradient).add_(view(1, of: slope))
    }
    return total
  }

  /// With p(i) the positive of anchor i and Σ over its negatives, its loss is log(1 + Σ exp(s(i, k)/τ) / exp(s(i, p(i))/τ));
  /// decoupled with weight w it is log Σ exp(s(i, k)/τ) − w s(i, p(i))/τ.
  ///
  /// - Parameter weights: float64, one for each anchor; nil where the loss is not decoupled.
  /// - Returns: the sum of the anchors' losses. Its gradient, times τ, is added to `gradient`.
  private static func bySums(
    _ views: Tensor, _ anchors: Range<Int>, _ temperature: Double, _ weights: Tensor?, _ gradient: Tensor?
  ) -> Tensor {
    let (first, second) = halves(of: views, anchors)
    let cosines = (first * second).sum(1).to(.float64)
    let logits = Tensor.concatenate([cosines, cosines]) / temperature
    let positives = weights == nil ? logits.exp() : Tensor.zeros(like: logits)
    let pairs = NegativePairs(of: anchors, among: views, temperature: temperature, positives: positives)
    let negatives = pairs.sums(addingTo: gradient)
    if let gradient {
      let probabilities = weights ?? negatives / (negatives + positives)
      let pull = (probabilities.narrow(0, 0..<first.shape[0]) + probabilities.narrow(0, first.shape[0]..<anchors.count))
        .unsqueezed(1).to(views.dtype)
      let (ofFirst, ofSecond) = halves(of: gradient, anchors)
      ofFirst.addcmul_(second, pull, value: -1)
      ofSecond.addcmul_(first, pull, value: -1)
    }
    let losses = weights.map { negatives.log() - logits * $0 } ?? (negatives / positives).log1p()
    return losses.sum().to(views.dtype)
  }

  /// The same for small temperatures, whose exponentials no type can hold: by log softmax, row by row.
  private static func byLogSoftmax(
    _ views: Tensor, _ anchors: Range<Int>, _ temperature: Double, _ weights: Tensor?, _ gradient: Tensor?
  ) -> Tensor {
    let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
    let (start, half) = (anchors.lowerBound, anchors.count / 2)
    for (ones, others) in [(start, start + half), (start + half, start)] {
      for rows in (0..<half).blocks(of: max(1, NegativePairs.blockElements(on: views.device) / views.shape[0])) {
        let (row, positive) = (ones + rows.lowerBound, others + rows.lowerBound)
        let anchor = views.narrow(0, row..<row + rows.count)
        let logits = anchor.matmul(views.transposed()).mul_(1 / temperature)
        logits.diagonal(offset: row).fill_(-.infinity)
        let excess: Tensor
        if let weights = weights?.narrow(0, row - start..<row - start + rows.count).to(views.dtype) {
          let positives = logits.diagonal(offset: positive).clone()
          logits.diagonal(offset: positive).fill_(-.infinity)
          total.add_((logits.logSumExp(1) - positives * weights).sum())
          excess = Functional.softmax(logits, dimension: 1)
          excess.diagonal(offset: positive).sub_(weights)
        } else {
          // Not logits − logSumExp: that sum is about 1 / τ, and its rounding would be that of every probability.
          let logProbabilities = Functional.logSoftmax(logits, dimension: 1)
          total.sub_(logProbabilities.diagonal(offset: positive).sum())
          excess = logProbabilities.exp_()
          excess.diagonal(offset: positive).add_(-1)
        }
        guard let gradient else { continue }
        gradient.narrow(0, row..<row + rows.count).addmm_(excess, views)
        gradient.addmm_(excess.transposed(), anchor)
      }
    }
    return total
  }

  /// Views of the first and second rows of `anchors`, as the images' views come.
  private static func halves(of rows: Tensor, _ anchors: Range<Int>) -> (first: Tensor, second: Tensor) {
    let middle = anchors.lowerBound + anchors.count / 2
    return (rows.narrow(0, anchors.lowerBound..<middle), rows.narrow(0, middle..<anchors.upperBound))
  }
}
