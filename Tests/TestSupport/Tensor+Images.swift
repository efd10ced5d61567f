import Images
import Torch

extension Tensor {
  /// The levels of images of one size: uint8 `[N, 3, S, S]`.
  public static func levels(of images: [PixelImage]) -> Tensor {
    let (width, height) = (images[0].width, images[0].height)
    return Tensor(images.flatMap(\.pixels), shape: [images.count, height, width, 3])
      .permuted([0, 3, 1, 2]).contiguous()
  }
}
