import Torch
import TorchDistributed

/// The normalised temperature-scaled cross-entropy of SimCLR (Eq. 1): each of the 2N views has one positive, the other
/// view of its image, among the 2N − 1 other views; similarity is the cosine.
///
/// Memory is linear in the batch: similarities are computed a block at a time, once for the sums of their exponentials
/// and once more for the gradient, so that nothing of the size [2N, 2N] is kept.
public struct NTXentLoss: Sendable {
  /// The temperature τ that divides the cosines; above 0.
  public let temperature: Double
  /// The processes whose views are contrasted with each other.
  private let group: ProcessGroup

  /// - Parameter group: processes that each compute the loss of their own views against those of all, as many in each.
  ///   The losses of all processes add up to the loss of the global batch, and so do their gradients.
  public init(temperature: Double, over group: ProcessGroup = .single()) {
    precondition(
      temperature > 0 && temperature.isFinite, "NTXentLoss: expected a temperature above 0, got \(temperature)")
    self.temperature = temperature
    self.group = group
  }

  /// The mean loss over the 2N views of the global batch, or this process's part of it: the sum over its own views,
  /// divided by 2N.
  ///
  /// - Parameters:
  ///   - first: projections of the first views, `[N, D]`, any floating-point type; computed in float32 at least.
  ///   - second: projections of the second views of the same images in the same order, `[N, D]`.
  public func callAsFunction(_ first: Tensor, _ second: Tensor) -> Tensor {
    precondition(
      first.rank == 2 && first.shape == second.shape && first.shape[0] > 0,
      "NTXentLoss: expected two tensors [N, D], got \(first.shape) and \(second.shape)")
    let precision: DType = first.dtype == .float64 ? .float64 : .float32
    return withAutocast(first.device, .float32) {
      let z = Self.unitVectors(Tensor.concatenate([first.to(precision), second.to(precision)]))
      let own = z.shape[0]
      return crossEntropyOfSimilarities(group.gather(z), anchors: group.rank * own..<(group.rank + 1) * own)
    }
  }

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
    let losses = (0..<globalCount).flatMap { global in
      views[(global + 1)...].map { self(views[global], $0) }
    }
    return losses.count == 1 ? losses[0] : Tensor.stack(losses).mean()
  }

  /// The rows of `x` divided by their lengths, or by 1e-12 where these are smaller: `Functional.normalize`, which keeps `x`
  /// and takes more memory to go back.
  private static func unitVectors(_ x: Tensor) -> Tensor {
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

  /// The part of the loss that `anchors` have, as a function of the unit vectors of all views `[2N, D]`: process by
  /// process the first views, then the second ones.
  private func crossEntropyOfSimilarities(_ z: Tensor, anchors: Range<Int>) -> Tensor {
    let operation = DifferentiableOperation { [temperature, needsGradient = z.requiresGradient] inputs in
      let views = inputs[0]
      let gradient = needsGradient ? Tensor.zeros(like: views) : nil
      let sumOfLosses = temperature < NegativePairs.leastTemperature ? Self.byLogSoftmax : Self.bySums
      let total = sumOfLosses(views, anchors, temperature, gradient)
      let count = Double(views.shape[0])
      gradient?.mul_(1 / (count * temperature))
      return ([total / count], { slopes in [gradient.map { $0 * slopes[0] }] })
    }
    return operation(z)[0]
  }

  /// With p(i) the positive of anchor i and Σ over its negatives, its loss is log(1 + Σ exp(s(i, k)/τ) / exp(s(i, p(i))/τ)).
  ///
  /// - Returns: the sum of the anchors' losses. Its gradient, times τ, is added to `gradient`.
  private static func bySums(
    _ views: Tensor, _ anchors: Range<Int>, _ temperature: Double, _ gradient: Tensor?
  ) -> Tensor {
    let (first, second) = halves(of: views, anchors)
    let cosines = (first * second).sum(1).to(.float64)
    let positives = (Tensor.concatenate([cosines, cosines]) / temperature).exp()
    let pairs = NegativePairs(of: anchors, among: views, temperature: temperature, positives: positives)
    let negatives = pairs.sums(addingTo: gradient)
    if let gradient {
      let probabilities = negatives / (negatives + positives)
      let pull = (probabilities.narrow(0, 0..<first.shape[0]) + probabilities.narrow(0, first.shape[0]..<anchors.count))
        .unsqueezed(1).to(views.dtype)
      let (ofFirst, ofSecond) = halves(of: gradient, anchors)
      ofFirst.addcmul_(second, pull, value: -1)
      ofSecond.addcmul_(first, pull, value: -1)
    }
    return (negatives / positives).log1p().sum().to(views.dtype)
  }

  /// The same for small temperatures, whose exponentials no type can hold: −log softmax at the positive, row by row.
  private static func byLogSoftmax(
    _ views: Tensor, _ anchors: Range<Int>, _ temperature: Double, _ gradient: Tensor?
  ) -> Tensor {
    let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
    let (start, half) = (anchors.lowerBound, anchors.count / 2)
    for (ones, others) in [(start, start + half), (start + half, start)] {
      for rows in (0..<half).blocks(of: max(1, NegativePairs.blockElements(on: views.device) / views.shape[0])) {
        let (row, positive) = (ones + rows.lowerBound, others + rows.lowerBound)
        let anchor = views.narrow(0, row..<row + rows.count)
        let logits = anchor.matmul(views.transposed()).mul_(1 / temperature)
        logits.diagonal(offset: row).fill_(-.infinity)
        // Not logits − logSumExp: that sum is about 1 / τ, and its rounding would be that of every probability.
        let logProbabilities = Functional.logSoftmax(logits, dimension: 1)
        total.sub_(logProbabilities.diagonal(offset: positive).sum())
        guard let gradient else { continue }
        let excess = logProbabilities.exp_()
        excess.diagonal(offset: positive).add_(-1)
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
