import Torch

/// The mean, over the images of all processes and the pairs of a target view and another view, of the cross-entropy between
/// the target's distribution and the other view's prediction: this process's part.
///
/// - Parameters:
///   - predictions: logarithms of probabilities of every view, `[N, K]` each.
///   - targets: distributions of the first views, `[N, K]` each, without gradients.
///   - imageCount: images of all processes.
func crossEntropyOfSwappedViews(_ predictions: [Tensor], targets: [Tensor], imageCount: Int) -> Tensor {
  let agreements = targets.enumerated().flatMap { predicted, target in
    predictions.indices.filter { $0 != predicted }.map { (target * predictions[$0]).sum() }
  }
  return Tensor.stack(agreements).sum() * (-1 / Double(imageCount * agreements.count))
}
