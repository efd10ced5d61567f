import Torch

/// What the negatives of some views, the anchors, add to the sums and gradients of NT-Xent.
///
/// The similarities of the anchors among themselves are symmetric: a block of them serves its rows and its columns, and half
/// of the blocks are enough. They are computed twice, since a gradient needs sums that only the last block completes.
/// Similarities to views of other processes are computed once, whole rows at a time.
///
/// Cosines lie within ±1, so that exp(s/τ) and its sums are ordinary numbers, and no maximum has to be found and taken away.
struct NegativePairs {
  /// float32 holds exp(±1/τ), times or divided by the number of views, down to this temperature.
  static let leastTemperature = 1.0 / 64

  /// The unit vectors of all views, `[2N, D]`, of which anchors are the first views of some images, then the second.
  private let views: Tensor
  private let anchors: Range<Int>
  private let own: Tensor
  private let temperature: Double
  /// exp(s(i, p(i))/τ) of each anchor: float64.
  private let positives: Tensor
  private let blocks: Blocks
  /// Where blocks are computed, one after another.
  private let memory: Tensor

  init(of anchors: Range<Int>, among views: Tensor, temperature: Double, positives: Tensor) {
    (self.views, self.anchors, self.temperature, self.positives) = (views, anchors, temperature, positives)
    own = views.narrow(0, anchors)
    blocks = Blocks(anchors: anchors.count, others: views.shape[0] - anchors.count, device: views.device)
    memory = Tensor.empty([blocks.largest], dtype: views.dtype, device: views.device)
  }

  /// Σ exp(s(i, k)/τ) over the negatives k of each anchor i: float64.
  ///
  /// - Parameter gradient: `[2N, D]`, grows by τ times the gradient of the anchors' losses, without the positives' part.
  func sums(addingTo gradient: Tensor?) -> Tensor {
    let sums = Tensor.zeros(like: positives)
    for (rows, columns) in blocks.pairs {
      Functional.exponentiate_(
        logits(rows, columns), rowSums: sums.narrow(0, rows),
        columnSums: rows == columns ? nil : sums.narrow(0, columns))
    }
    contrastWithOthers(sums, gradient)
    if let gradient { addGradient(of: sums, to: gradient) }
    return sums
  }

  /// P(i, j) = exp(s(i, j)/τ) / Zᵢ, and P(i, j) + P(j, i) is symmetric, too.
  private func addGradient(of sums: Tensor, to gradient: Tensor) {
    let weights = (sums + positives).pow(-1).to(views.dtype)
    let gradient = gradient.narrow(0, anchors)
    for (rows, columns) in blocks.pairs {
      let block = logits(rows, columns)
      Functional.weighExponentials_(
        block, rowWeights: weights.narrow(0, rows), columnWeights: weights.narrow(0, columns))
      gradient.narrow(0, rows).addmm_(block, own.narrow(0, columns))
      if rows != columns { gradient.narrow(0, columns).addmm_(block.transposed(), own.narrow(0, rows)) }
    }
  }

  /// Completes the sums by views of other processes, and adds the gradients that these similarities have.
  private func contrastWithOthers(_ sums: Tensor, _ gradient: Tensor?) {
    let others = [0..<anchors.lowerBound, anchors.upperBound..<views.shape[0]].filter { !$0.isEmpty }
    for rows in others.isEmpty ? [] : blocks.strips {
      var start = 0
      let strips = others.map { columns in
        let strip = similarities(own.narrow(0, rows), views.narrow(0, columns), at: start)
        start += strip.count
        Functional.exponentiate_(strip, rowSums: sums.narrow(0, rows))
        return strip
      }
      guard let gradient else { continue }
      let weights = (sums + positives).narrow(0, rows).pow(-1).unsqueezed(1).to(views.dtype)
      let weighted = own.narrow(0, rows) * weights
      let ofRows = gradient.narrow(0, anchors).narrow(0, rows)
      for (strip, columns) in zip(strips, others) {
        ofRows.addcmul_(strip.matmul(views.narrow(0, columns)), weights)
        gradient.narrow(0, columns).addmm_(strip.transposed(), weighted)
      }
    }
  }

  /// s(i, j)/τ of a block of pairs of anchors, −∞ where these are no negatives: a view and itself, or its positive.
  private func logits(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    let block = similarities(own.narrow(0, rows), own.narrow(0, columns))
    for distance in [0, anchors.count / 2, -anchors.count / 2] {
      let diagonal = rows.lowerBound + distance - columns.lowerBound
      guard -rows.count < diagonal && diagonal < columns.count else { continue }
      block.diagonal(offset: diagonal).fill_(-.infinity)
    }
    return block
  }

  private func similarities(_ rows: Tensor, _ columns: Tensor, at start: Int = 0) -> Tensor {
    let shape = [rows.shape[0], columns.shape[0]]
    return memory.narrow(0, start..<start + shape[0] * shape[1]).reshaped(shape)
      .addmm_(rows, columns.transposed(), beta: 0, alpha: 1 / temperature)
  }
}

extension NegativePairs {
  /// How the similarities of anchors are cut into blocks.
  private struct Blocks {
    /// Pairs of anchors, each once: squares on the diagonal whole, and those above it.
    let pairs: [(rows: Range<Int>, columns: Range<Int>)]
    /// Anchors whose similarities to the views of others are computed together.
    let strips: [Range<Int>]
    /// Elements of the largest block.
    let largest: Int

    init(anchors: Int, others: Int, device: Device) {
      let elements = NegativePairs.blockElements(on: device)
      let sides = (0..<anchors).blocks(of: Int(Double(elements).squareRoot()))
      pairs = sides.indices.flatMap { row in sides[row...].map { (sides[row], $0) } }
      strips = others == 0 ? [] : (0..<anchors).blocks(of: max(1, 4 * elements / others))
      largest = max(sides[0].count * sides[0].count, (strips.first?.count ?? 0) * others)
    }
  }

  /// Similarities that are computed together: few enough for a CPU's cache, on other devices enough to be worth a launch.
  static func blockElements(on device: Device) -> Int { device == .cpu ? 512 * 512 : 4096 * 4096 }
}

extension Range<Int> {
  /// The range cut into pieces of `length`, the last of which may be shorter.
  func blocks(of length: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: length).map { $0..<Swift.min(upperBound, $0 + length) }
  }
}
