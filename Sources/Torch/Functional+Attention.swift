import CTorch

// What transformers are made of, and what they need for images of other sizes.
extension Functional {
  /// softmax(`query` · `key`ᵀ / √D) · `value` (Vaswani et al. 2017, arXiv 1706.03762, Eq. 1), each `[N, H, T, D]`, without
  /// keeping the matrix `[T, T]` where libtorch has a kernel for that.
  public static func attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
    .make("attention", query, key, value) { ctorch_nn_attention(query.handle, key.handle, value.handle, $0) }
  }

  /// `input` `[…, D]` less its mean over the last dimension, divided by its deviation, times `weight` `[D]` plus `bias` `[D]`.
  public static func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Double) -> Tensor {
    .make("layerNorm", input, weight, bias) {
      ctorch_nn_layer_norm(input.handle, weight.handle, bias.handle, epsilon, $0)
    }
  }

  /// Images `[N, C, H, W]` in another size by bicubic interpolation, smoothed where they shrink (`antialias=True`).
  public static func resizedBicubic(_ images: Tensor, height: Int, width: Int) -> Tensor {
    .make("resizedBicubic", images) { ctorch_nn_resize_bicubic(images.handle, Int64(height), Int64(width), $0) }
  }

  /// Multiplications with an addition each that linear layers, convolutions and attention do in the forward passes of
  /// `body`, wherever their tensors lie.
  public static func multiplications(of body: () -> Void) -> Int {
    let before = ctorch_nn_multiplications()
    body()
    return Int(ctorch_nn_multiplications() - before)
  }
}
