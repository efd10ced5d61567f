import Torch

/// The Gaussian blur of `PixelImage` for many samples at once, each with a kernel of its own.
///
/// A blur along one side is a product with a band matrix `[S, S]`, in which the mirrored margins are folded back into the
/// image: two batched matrix products blur all samples, whatever the size of the kernel, and no image is padded. That is
/// more arithmetic than a convolution needs, but of the kind that devices do fastest.
struct BatchBlur: Sendable {
  let radius: Int
  /// Which weight output `i` takes from input `j`, int64 `[S · S]`: directly, mirrored at the beginning, and mirrored at
  /// the end. `radius + 1`, the place of the 0, where none.
  private let direct: Tensor
  private let mirroredAtStart: Tensor
  private let mirroredAtEnd: Tensor
  private let side: Int

  /// - Parameters:
  ///   - imageSize: the side of the images, more than `radius`.
  ///   - radius: the kernel's size halved and rounded down, at least 1.
  init(imageSize side: Int, radius: Int, device: Device) {
    precondition(radius >= 1 && radius < side, "BatchBlur: a kernel of radius \(radius) on images of \(side)")
    (self.side, self.radius) = (side, radius)
    func places(_ distance: (Int, Int) -> Int?) -> Tensor {
      let all = (0..<side).flatMap { output in
        (0..<side).map { input in min(distance(output, input) ?? radius + 1, radius + 1) }
      }
      return Tensor(all).to(device: device)
    }
    direct = places { abs($0 - $1) }
    mirroredAtStart = places { $1 == 0 ? nil : $0 + $1 }
    mirroredAtEnd = places { $1 == side - 1 ? nil : 2 * (side - 1) - $0 - $1 }
  }

  /// Blurs levels `[K, 3, S, S]` and rounds them to whole ones.
  ///
  /// - Parameter weights: `[K, radius + 2]`, of each sample's kernel from the middle to the edge, and a 0.
  func callAsFunction(_ levels: Tensor, weights: Tensor) -> Tensor {
    let count = levels.shape[0]
    let matrices = weights.indexSelect(1, direct)
      .add_(weights.indexSelect(1, mirroredAtStart)).add_(weights.indexSelect(1, mirroredAtEnd))
      .reshaped([count, side, side])
    let alongRows = levels.reshaped([count, 3 * side, side]).matmul(matrices.transposed())
    return matrices.unsqueezed(1).matmul(alongRows.reshaped([count, 3, side, side])).round_()
  }
}
