import CTorch

/// Batch normalization in parts, between which processes can exchange sums.
///
/// `mean` and `inverseDeviation` `[C]` are what ``batchNormStatistics(from:count:epsilon:dtype:moving:)`` gives. Where
/// `output`, the result of ``batchNormApply(_:mean:inverseDeviation:weight:bias:adding:relu:)`` with `relu`, is given, a
/// gradient counts as 0 where the output is not positive.
extension Functional {
  /// The sum of each channel of `input` `[N, C, …]` and that of its squares: `[2, C]`, float64.
  public static func batchNormSums(_ input: Tensor) -> Tensor {
    .make("batchNormSums", input) { ctorch_nn_batch_norm_sums(input.handle, $0) }
  }

  /// What such sums over `count` values a channel mean: the mean, and one over the square root of variance + `epsilon`,
  /// `[C]`.
  ///
  /// - Parameter running: the mean and the variance, with Bessel's correction, to move by `momentum`.
  public static func batchNormStatistics(
    from sums: Tensor, count: Int, epsilon: Double, dtype: DType,
    moving running: (mean: Tensor, variance: Tensor, momentum: Double)? = nil
  ) -> (mean: Tensor, inverseDeviation: Tensor) {
    var inverseDeviation: OpaquePointer?
    let mean = Tensor.make("batchNormStatistics", sums) {
      ctorch_nn_batch_norm_statistics(
        sums.handle, Double(count), epsilon, dtype.rawValue, running?.mean.handle, running?.variance.handle,
        running?.momentum ?? 0, $0, &inverseDeviation)
    }
    return (mean, Tensor(owning: inverseDeviation!))
  }

  /// (`input` − `mean`) · `inverseDeviation` · `weight` + `bias` + `residual`, and of that with `relu` what is above 0.
  public static func batchNormApply(
    _ input: Tensor, mean: Tensor, inverseDeviation: Tensor, weight: Tensor, bias: Tensor, adding residual: Tensor?,
    relu: Bool
  ) -> Tensor {
    .make("batchNormApply", input, residual) {
      ctorch_nn_batch_norm_apply(
        input.handle, mean.handle, inverseDeviation.handle, weight.handle, bias.handle, residual?.handle, relu, $0)
    }
  }

  /// The sum of `gradient` `[N, C, …]` in each channel and that of its products with `input` − `mean`, `[2, C]` float64,
  /// and the gradients of weight and bias that follow from them, `[C]`.
  public static func batchNormGradientSums(
    _ gradient: Tensor, input: Tensor, output: Tensor?, mean: Tensor, inverseDeviation: Tensor
  ) -> (sums: Tensor, weight: Tensor, bias: Tensor) {
    var (weight, bias): (OpaquePointer?, OpaquePointer?)
    let sums = Tensor.make("batchNormGradientSums", gradient, input) {
      ctorch_nn_batch_norm_gradient_sums(
        gradient.handle, input.handle, output?.handle, mean.handle, inverseDeviation.handle, $0, &weight, &bias)
    }
    return (sums, Tensor(owning: weight!), Tensor(owning: bias!))
  }

  /// The gradient of the input, and that of the residual where it is asked for.
  ///
  /// - Parameter sums: those of ``batchNormGradientSums(_:input:output:mean:inverseDeviation:)`` over all `count` values of
  ///   a channel.
  public static func batchNormInputGradients(
    _ gradient: Tensor, input: Tensor, output: Tensor?, mean: Tensor, inverseDeviation: Tensor, weight: Tensor,
    sums: Tensor, count: Int, ofResidual wantsResidual: Bool
  ) -> (input: Tensor, residual: Tensor?) {
    var residual: OpaquePointer?
    let result = Tensor.make("batchNormInputGradients", gradient, input) { out in
      withUnsafeMutablePointer(to: &residual) {
        ctorch_nn_batch_norm_input_gradient(
          gradient.handle, input.handle, output?.handle, mean.handle, inverseDeviation.handle, weight.handle,
          sums.handle, Double(count), out, wantsResidual ? $0 : nil)
      }
    }
    return (result, residual.map(Tensor.init(owning:)))
  }
}
