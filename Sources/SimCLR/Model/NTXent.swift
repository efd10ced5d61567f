import Torch
import TorchDistributed

/// The normalised temperature-scaled cross-entropy of SimCLR (Eq. 1): each of the 2N views has one positive, the other
/// view of its image, among the 2N − 1 other views; similarity is the cosine.
///
/// Memory is linear in the batch: similarities are computed a block of rows at a time, and since the loss is a plain
/// mean their gradient is known as soon as the block is, so that nothing of the size [2N, 2N] is kept.
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
      let z = Functional.normalize(Tensor.concatenate([first.to(precision), second.to(precision)]))
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

  /// The part of the loss that `anchors` have, as a function of the unit vectors of all views `[2N, D]`: process by
  /// process the first views, then the second ones.
  private func crossEntropyOfSimilarities(_ z: Tensor, anchors: Range<Int>) -> Tensor {
    let operation = DifferentiableOperation { [temperature, needsGradient = z.requiresGradient] inputs in
      let views = inputs[0]
      let count = views.shape[0]
      let total = Tensor.zeros([], dtype: views.dtype, device: views.device)
      let gradient = Tensor.zeros(like: views)
      for rows in Self.blocks(of: anchors, count: count) {
        let block = views.narrow(0, rows)
        let logits = block.matmul(views.transposed()).mul_(1 / temperature)
        logits.diagonal(offset: rows.lowerBound).fill_(-.infinity)
        let positives = Self.positives(of: rows, in: anchors, device: views.device)
        // Not logits − logSumExp: that sum is about 1 / τ, and its rounding would be that of every probability.
        let logProbabilities = Functional.logSoftmax(logits, dimension: 1)
        total.sub_(logProbabilities.gather(1, positives).sum())
        guard needsGradient else { continue }
        let one = Tensor.full(positives.shape, -1, dtype: views.dtype, device: views.device)
        let excess = logProbabilities.exp_().scatterAdd(1, positives, one)
        gradient.narrow(0, rows).addmm_(excess, views)
        gradient.addmm_(excess.transposed(), block)
      }
      gradient.mul_(1 / (Double(count) * temperature))
      return ([total / Double(count)], { [gradient * $0[0]] })
    }
    return operation(z)[0]
  }

  /// Rows that are computed together: as many as make about four million similarities.
  private static func blocks(of anchors: Range<Int>, count: Int) -> [Range<Int>] {
    let rows = Swift.max(1, Swift.min(anchors.count, (4 << 20) / count))
    return stride(from: anchors.lowerBound, to: anchors.upperBound, by: rows).map {
      $0..<Swift.min(anchors.upperBound, $0 + rows)
    }
  }

  /// The other view of each row's image, `[rows, 1]`; the anchors' first half are first views.
  private static func positives(of rows: Range<Int>, in anchors: Range<Int>, device: Device) -> Tensor {
    let first = anchors.lowerBound
    let partners = rows.map { first + ($0 - first + anchors.count / 2) % anchors.count }
    return Tensor(partners, shape: [rows.count, 1]).to(device: device)
  }
}
