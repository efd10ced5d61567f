import CTorch

// Element by element, with libtorch's broadcasting and type promotion.
extension Tensor {
  public static func + (left: Tensor, right: Tensor) -> Tensor {
    make("+", left, right) { ctorch_tensor_add(left.handle, right.handle, 1, $0) }
  }
  public static func - (left: Tensor, right: Tensor) -> Tensor {
    make("-", left, right) { ctorch_tensor_sub(left.handle, right.handle, $0) }
  }
  public static func * (left: Tensor, right: Tensor) -> Tensor {
    make("*", left, right) { ctorch_tensor_mul(left.handle, right.handle, $0) }
  }
  public static func / (left: Tensor, right: Tensor) -> Tensor {
    make("/", left, right) { ctorch_tensor_div(left.handle, right.handle, $0) }
  }
  public static func + (left: Tensor, right: Double) -> Tensor {
    make("+", left) { ctorch_tensor_add_scalar(left.handle, right, $0) }
  }
  public static func - (left: Tensor, right: Double) -> Tensor { left + (-right) }
  public static func * (left: Tensor, right: Double) -> Tensor {
    make("*", left) { ctorch_tensor_mul_scalar(left.handle, right, $0) }
  }
  public static func / (left: Tensor, right: Double) -> Tensor { left * (1 / right) }
  public static func * (left: Double, right: Tensor) -> Tensor { right * left }
  public static func + (left: Double, right: Tensor) -> Tensor { right + left }
  public static prefix func - (tensor: Tensor) -> Tensor { make("-", tensor) { ctorch_tensor_neg(tensor.handle, $0) } }

  public func pow(_ exponent: Double) -> Tensor { .make("pow", self) { ctorch_tensor_pow(handle, exponent, $0) } }
  public func abs() -> Tensor { .make("abs", self) { ctorch_tensor_abs(handle, $0) } }
  public func exp() -> Tensor { .make("exp", self) { ctorch_tensor_exp(handle, $0) } }
  public func log() -> Tensor { .make("log", self) { ctorch_tensor_log(handle, $0) } }
  /// log(1 + self), exact for small elements.
  public func log1p() -> Tensor { .make("log1p", self) { ctorch_tensor_log1p(handle, $0) } }
  public func sqrt() -> Tensor { .make("sqrt", self) { ctorch_tensor_sqrt(handle, $0) } }
  /// 1 / (1 + exp(−x))
  public func sigmoid() -> Tensor {
    let operation = DifferentiableOperation { inputs in
      let output = ((-inputs[0]).exp() + 1).pow(-1)
      return ([output], { [output = output.detached()] gradients in [gradients[0] * output * (-output + 1)] })
    }
    return operation(self)[0]
  }

  public func relu() -> Tensor { .make("relu", self) { ctorch_tensor_relu(handle, $0) } }
  /// x · Φ(x), Φ being the normal distribution (Hendrycks and Gimpel 2016, arXiv 1606.08415).
  public func gelu() -> Tensor { .make("gelu", self) { ctorch_nn_gelu(handle, $0) } }
  /// x / (1 + exp(−x)), also called swish (Ramachandran et al. 2017, arXiv 1710.05941).
  public func silu() -> Tensor { .make("silu", self) { ctorch_nn_silu(handle, $0) } }

  /// The larger of each pair of elements.
  public func maximum(_ other: Tensor) -> Tensor {
    .make("maximum", self, other) { ctorch_tensor_maximum(handle, other.handle, $0) }
  }

  /// The smaller of each pair of elements.
  public func minimum(_ other: Tensor) -> Tensor {
    .make("minimum", self, other) { ctorch_tensor_minimum(handle, other.handle, $0) }
  }

  /// Elements brought into `low...high`.
  public func clamp(_ range: ClosedRange<Double>) -> Tensor {
    .make("clamp", self) { ctorch_tensor_clamp(handle, range.lowerBound, range.upperBound, $0) }
  }

  /// Where elements are equal: bool.
  public func equal(_ other: Tensor) -> Tensor {
    .make("equal", self, other) { ctorch_tensor_equal(handle, other.handle, $0) }
  }

  /// Where elements are greater than `value`: bool.
  public func greater(than value: Double) -> Tensor {
    .make("greater", self) { ctorch_tensor_greater(handle, value, $0) }
  }

  /// Where elements are neither infinite nor NaN: bool.
  public func isFinite() -> Tensor { .make("isFinite", self) { ctorch_tensor_isfinite(handle, $0) } }

  /// A copy with `value` where `mask` (bool) is true.
  public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
    .make("maskedFill", self, mask) { ctorch_tensor_masked_fill(handle, mask.handle, value, $0) }
  }

  /// The elements of `self` where `condition` (bool) is true, those of `other` elsewhere.
  public func `where`(_ condition: Tensor, otherwise other: Tensor) -> Tensor {
    .make("where", self, other) { ctorch_tensor_where(condition.handle, handle, other.handle, $0) }
  }

  /// Matrix product, batched over leading dimensions.
  public func matmul(_ other: Tensor) -> Tensor {
    .make("matmul", self, other) { ctorch_tensor_matmul(handle, other.handle, $0) }
  }
}
