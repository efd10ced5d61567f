import CTorch

/// The layers of a network as functions, as in `torch.nn.functional`.
public enum Functional {
  /// `input` `[N, I]` times `weight` `[O, I]` transposed, plus `bias` `[O]`.
  public static func linear(_ input: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
    .make("linear", input, weight) { ctorch_nn_linear(input.handle, weight.handle, bias?.handle, $0) }
  }

  /// Convolution of `input` `[N, C, H, W]` with `weight` `[O, C / groups, K, K]`.
  public static func conv2d(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) -> Tensor {
    .make("conv2d", input, weight) {
      ctorch_nn_conv2d(
        input.handle, weight.handle, bias?.handle, Int64(stride), Int64(padding), Int64(dilation), Int64(groups), $0)
    }
  }

  /// Normalizes each channel of `input` `[N, C, …]`: by the batch's mean and (biased) variance when training, which also
  /// move the running statistics by `momentum`, else by the running statistics.
  public static func batchNorm(
    _ input: Tensor, weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?, training: Bool,
    momentum: Double, epsilon: Double
  ) -> Tensor {
    .make("batchNorm", input, weight) {
      ctorch_nn_batch_norm(
        input.handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, training, momentum,
        epsilon, $0)
    }
  }

  public static func maxPool2d(_ input: Tensor, kernelSize: Int, stride: Int, padding: Int = 0) -> Tensor {
    .make("maxPool2d", input) {
      ctorch_nn_max_pool2d(input.handle, Int64(kernelSize), Int64(stride), Int64(padding), $0)
    }
  }

  /// Averages `[N, C, H, W]` over a grid of `height` × `width` regions.
  public static func adaptiveAvgPool2d(_ input: Tensor, height: Int, width: Int) -> Tensor {
    .make("adaptiveAvgPool2d", input) {
      ctorch_nn_adaptive_avg_pool2d(input.handle, Int64(height), Int64(width), $0)
    }
  }

  public static func softmax(_ input: Tensor, dimension: Int = -1) -> Tensor {
    .make("softmax", input) { ctorch_nn_softmax(input.handle, Int64(dimension), $0) }
  }

  public static func logSoftmax(_ input: Tensor, dimension: Int = -1) -> Tensor {
    .make("logSoftmax", input) { ctorch_nn_log_softmax(input.handle, Int64(dimension), $0) }
  }

  /// Mean over the batch of −log softmax(`logits` `[N, C]`) at `target` (int64 `[N]`).
  public static func crossEntropy(_ logits: Tensor, target: Tensor) -> Tensor {
    .make("crossEntropy", logits, target) { ctorch_nn_cross_entropy(logits.handle, target.handle, $0) }
  }

  /// `input` divided by its Euclidean norm along `dimension`, or by `epsilon` where the norm is smaller.
  public static func normalize(_ input: Tensor, dimension: Int = -1, epsilon: Double = 1e-12) -> Tensor {
    .make("normalize", input) { ctorch_nn_normalize(input.handle, Int64(dimension), epsilon, $0) }
  }
}
