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
  public func sqrt() -> Tensor { .make("sqrt", self) { ctorch_tensor_sqrt(handle, $0) } }
  public func relu() -> Tensor { .make("relu", self) { ctorch_tensor_relu(handle, $0) } }

  /// The larger of each pair of elements.
  public func maximum(_ other: Tensor) -> Tensor {
    .make("maximum", self, other) { ctorch_tensor_maximum(handle, other.handle, $0) }
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

// In place: the tensor keeps its memory, so views and optimizers see the change. Each returns the tensor itself.
extension Tensor {
  @discardableResult public func copy_(_ source: Tensor) -> Tensor {
    check(ctorch_tensor_copy_(handle, source.handle), "copy_", self, source)
    return self
  }
  @discardableResult public func fill_(_ value: Double) -> Tensor {
    check(ctorch_tensor_fill_(handle, value), "fill_", self)
    return self
  }
  /// self += alpha · other
  @discardableResult public func add_(_ other: Tensor, alpha: Double = 1) -> Tensor {
    check(ctorch_tensor_add_(handle, other.handle, alpha), "add_", self, other)
    return self
  }
  @discardableResult public func add_(_ value: Double) -> Tensor {
    check(ctorch_tensor_add_scalar_(handle, value), "add_", self)
    return self
  }
  @discardableResult public func sub_(_ other: Tensor) -> Tensor {
    check(ctorch_tensor_sub_(handle, other.handle), "sub_", self, other)
    return self
  }
  @discardableResult public func mul_(_ other: Tensor) -> Tensor {
    check(ctorch_tensor_mul_(handle, other.handle), "mul_", self, other)
    return self
  }
  @discardableResult public func mul_(_ value: Double) -> Tensor {
    check(ctorch_tensor_mul_scalar_(handle, value), "mul_", self)
    return self
  }
  @discardableResult public func div_(_ other: Tensor) -> Tensor {
    check(ctorch_tensor_div_(handle, other.handle), "div_", self, other)
    return self
  }
  @discardableResult public func exp_() -> Tensor {
    check(ctorch_tensor_exp_(handle), "exp_", self)
    return self
  }
  @discardableResult public func relu_() -> Tensor {
    check(ctorch_tensor_relu_(handle), "relu_", self)
    return self
  }
  /// self += weight · (end − self)
  @discardableResult public func lerp_(_ end: Tensor, weight: Double) -> Tensor {
    check(ctorch_tensor_lerp_(handle, end.handle, weight), "lerp_", self, end)
    return self
  }
  /// self += value · first · second
  @discardableResult public func addcmul_(_ first: Tensor, _ second: Tensor, value: Double = 1) -> Tensor {
    check(ctorch_tensor_addcmul_(handle, first.handle, second.handle, value), "addcmul_", self, first, second)
    return self
  }
  /// self += value · first / second
  @discardableResult public func addcdiv_(_ first: Tensor, _ second: Tensor, value: Double = 1) -> Tensor {
    check(ctorch_tensor_addcdiv_(handle, first.handle, second.handle, value), "addcdiv_", self, first, second)
    return self
  }
  /// self = beta · self + alpha · first @ second
  @discardableResult public func addmm_(
    _ first: Tensor, _ second: Tensor, beta: Double = 1, alpha: Double = 1
  ) -> Tensor {
    check(ctorch_tensor_addmm_(handle, first.handle, second.handle, beta, alpha), "addmm_", self, first, second)
    return self
  }
}
