import CTorch

/// Batch normalisation in parts, for statistics that come from more than one process.
extension Functional {
  /// The sum of each channel of `input` `[N, C, …]` and that of its squares: `[2, C]`, float64.
  public static func batchNormSums(_ input: Tensor) -> Tensor {
    .make("batchNormSums", input) { ctorch_nn_batch_norm_sums(input.handle, $0) }
  }

  /// The sum of `gradient` `[N, C, …]` in each channel, and that of its products with `input` − `mean`: `[2, C]`, float64.
  public static func batchNormGradientSums(_ gradient: Tensor, input: Tensor, mean: Tensor) -> Tensor {
    .make("batchNormGradientSums", gradient, input) {
      ctorch_nn_batch_norm_gradient_sums(gradient.handle, input.handle, mean.handle, $0)
    }
  }

  /// `gradient` · `gradientScale` + (`input` − `mean`) · `inputScale` + `shift`, the last four `[C]`.
  public static func batchNormInputGradient(
    _ gradient: Tensor, input: Tensor, mean: Tensor, gradientScale: Tensor, inputScale: Tensor, shift: Tensor
  ) -> Tensor {
    .make("batchNormInputGradient", gradient, input) {
      ctorch_nn_batch_norm_input_gradient(
        gradient.handle, input.handle, mean.handle, gradientScale.handle, inputScale.handle, shift.handle, $0)
    }
  }
}
