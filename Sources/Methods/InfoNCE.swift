import Torch

/// The cross-entropy of telling targets of one's own image from those of all other images (InfoNCE, van den Oord et al. 2018,
/// arXiv 1807.03748).
///
/// An image may have several targets: each is told from those of other images, not from the others of its own (AMDIM, arXiv
/// 1906.00910, section 3.3).
///
/// Memory is linear in the batch: scores are computed for some sources at a time, and gradients with them, so that nothing of
/// the size of all scores is kept.
struct InfoNCE {
  /// What products of sources and targets are multiplied by: 1/τ, for cosines.
  let scale: Double
  /// c: scores s become c · tanh(s/c), which lies within ±c; nil: they stay.
  var clip: Double?
  /// What the mean of squared scores, before they are clipped, adds to the loss.
  var penalty = 0.0

  /// This process's part of the mean over all images and their targets.
  ///
  /// - Parameters:
  ///   - sources: of this process's images, `[N, D]`, in float32 or float64.
  ///   - targets: of the images of all processes, `[B, L, D]`.
  ///   - first: the place of this process's first image among them.
  /// - Returns: a scalar; with gradients for sources and targets.
  func callAsFunction(_ sources: Tensor, _ targets: Tensor, first: Int) -> Tensor {
    let operation = DifferentiableOperation { inputs in
      let (loss, ofSources, ofTargets) = computed(inputs[0], inputs[1], first)
      return ([loss], { [ofSources * $0[0], ofTargets * $0[0]] })
    }
    return operation(sources, targets)[0]
  }

  private func computed(
    _ sources: Tensor, _ targets: Tensor, _ first: Int
  ) -> (loss: Tensor, ofSources: Tensor, ofTargets: Tensor) {
    let (images, count, dimension) = (targets.shape[0], targets.shape[1], targets.shape[2])
    let flat = targets.reshaped([images * count, dimension])
    let (ofSources, ofTargets) = (Tensor.zeros(like: sources), Tensor.zeros(like: flat))
    let loss = Tensor.zeros([], dtype: .float64, device: sources.device)
    let length = max(1, NegativePairs.blockElements(on: sources.device) / (images * count))
    for rows in (0..<sources.shape[0]).blocks(of: length) {
      let block = sources.narrow(0, rows)
      let raw = block.matmul(flat.transposed()).mul_(scale)
      let own = Tensor.arange(first + rows.lowerBound..<first + rows.upperBound, device: sources.device)
      let (value, gradient) = part(of: raw.reshaped([rows.count, images, count]), own: own)
      loss.add_(value)
      let ofScores = gradient.reshaped([rows.count, images * count]).mul_(scale)
      ofSources.narrow(0, rows).copy_(ofScores.matmul(flat))
      ofTargets.addmm_(ofScores.transposed(), block)
    }
    return (loss.to(sources.dtype), ofSources, ofTargets.reshaped(targets.shape))
  }

  /// Some sources' part of the loss, float64, and its gradient.
  ///
  /// - Parameters:
  ///   - raw: their products with the targets of all images, scaled, `[M, B, L]`.
  ///   - own: the images that they are of, int64 `[M]`.
  private func part(of raw: Tensor, own: Tensor) -> (loss: Tensor, gradient: Tensor) {
    let (rows, images, count) = (raw.shape[0], raw.shape[1], raw.shape[2])
    // tanh(x) = 2 σ(2 x) − 1
    let bent = clip.map { (raw * (2 / $0)).sigmoid() * 2 - 1 }
    let scores = bent.map { $0 * clip! } ?? raw
    let isOwn = own.unsqueezed(1).equal(Tensor.arange(0..<images, device: raw.device).unsqueezed(0)).unsqueezed(2)
    let largest = scores.flattened(from: 1).amax(1, keepDimension: true)
    let exponentials = (scores - largest.unsqueezed(2)).exp()
    let positives = scores.gather(1, own.reshaped([rows, 1, 1]).expanded([rows, 1, count])).squeezed(1) - largest
    let ofOwn = positives.exp()
    let ofOthers = exponentials.maskedFill(isOwn, 0)
    let totals = ofOwn + ofOthers.flattened(from: 1).sum(1, keepDimensions: true)

    let (terms, pairs) = (Double(images * count), Double(images * images * count))
    let loss = (totals.log() - positives).to(.float64).sum() / terms
    let pull = (ofOwn / totals - 1).unsqueezed(1) * isOwn.to(raw.dtype)
    let push = ofOthers * totals.pow(-1).sum(1).reshaped([rows, 1, 1])
    let gradient = (pull + push) / terms
    if let bent { gradient.mul_(bent * bent * -1 + 1) }
    guard penalty > 0 else { return (loss, gradient) }
    gradient.add_(raw, alpha: 2 * penalty / pairs)
    return (loss + (raw * raw).to(.float64).sum() * (penalty / pairs), gradient)
  }
}
