// PyTorch marks what changes its tensor by a trailing underscore.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CTorch

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
  @discardableResult public func clamp_(_ range: ClosedRange<Double>) -> Tensor {
    check(ctorch_tensor_clamp_(handle, range.lowerBound, range.upperBound), "clamp_", self)
    return self
  }
  /// The greatest whole number that is not above each element.
  @discardableResult public func floor_() -> Tensor {
    check(ctorch_tensor_floor_(handle), "floor_", self)
    return self
  }
  /// The nearest whole number, half to even.
  @discardableResult public func round_() -> Tensor {
    check(ctorch_tensor_round_(handle), "round_", self)
    return self
  }
  /// What is left of a division, with the sign of the divisor.
  @discardableResult public func remainder_(_ divisor: Double) -> Tensor {
    check(ctorch_tensor_remainder_(handle, divisor), "remainder_", self)
    return self
  }
  /// The slices that `index` (int64, `[K]`) names along one dimension become those of `source`.
  @discardableResult public func indexCopy_(_ dimension: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
    check(ctorch_tensor_index_copy_(handle, Int64(dimension), index.handle, source.handle), "indexCopy_", self, source)
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
