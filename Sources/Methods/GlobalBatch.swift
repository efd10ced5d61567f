import Torch
import TorchDistributed

/// Embeddings of the global batch, of which each process has the rows of its own images: what is added up over all of
/// them, with gradients.
struct GlobalBatch {
  private let group: ProcessGroup
  /// Images of all processes.
  let count: Double

  /// - Parameter own: images of this process, as many as of each other.
  init(of own: Int, over group: ProcessGroup) {
    self.group = group
    count = Double(own * group.size)
  }

  /// The sum of all processes' tensors.
  func total(_ own: Tensor) -> Tensor { group.sum(own) }

  /// Rows `[N, D]` less the mean of all.
  func centered(_ rows: Tensor) -> Tensor { rows - total(rows.sum(0)) / count }

  /// Rows `[N, D]` with mean 0 and variance 1 over all, as BatchNorm without scale and shift makes them.
  func standardized(_ rows: Tensor) -> Tensor {
    let centered = centered(rows)
    let variance = total((centered * centered).sum(0)) / count
    return centered / (variance + 1e-5).sqrt()
  }
}

extension Tensor {
  /// A square matrix with 0 on its diagonal.
  var offDiagonal: Tensor {
    let index = Tensor.arange(0..<shape[0]).to(device: device)
    return maskedFill(index.unsqueezed(1).equal(index.unsqueezed(0)), 0)
  }
}

/// Computes a loss from the first embeddings of views, `[N, D]` each, in float32, or float64 if they are.
func inFullPrecision(_ views: [ViewEmbeddings], _ loss: ([Tensor]) -> Tensor) -> Tensor {
  let first = views[0].embeddings[0]
  let precision: DType = first.dtype == .float64 ? .float64 : .float32
  return withAutocast(first.device, .float32) { loss(views.map { $0.embeddings[0].to(precision) }) }
}

/// Each global view with each other view, global or local, every pair once: local views show too little to be compared with each
/// other (SwAV, arXiv 2006.09882, section 3.2).
func viewPairs(of views: Int, globalCount: Int = 2) -> [(Int, Int)] {
  (0..<globalCount).flatMap { first in (first + 1..<views).map { (first, $0) } }
}

/// The mean of a loss over ``viewPairs(of:globalCount:)``.
func meanOverPairs<View>(of views: [View], globalCount: Int, _ loss: (View, View) -> Tensor) -> Tensor {
  let losses = viewPairs(of: views.count, globalCount: globalCount).map { loss(views[$0], views[$1]) }
  return losses.count == 1 ? losses[0] : Tensor.stack(losses).mean()
}

/// Each view with each other global view, which it predicts: local views predict, and nobody predicts them.
func predictionPairs(of views: Int, globalCount: Int) -> [(predicting: Int, predicted: Int)] {
  (0..<views).flatMap { view in (0..<min(views, globalCount)).filter { $0 != view }.map { (view, $0) } }
}

/// The places that `count` rows of this process have among those of all, int64.
func ownRows(of count: Int, in group: ProcessGroup, device: Device) -> Tensor {
  Tensor.arange(group.rank * count..<(group.rank + 1) * count).to(device: device)
}
