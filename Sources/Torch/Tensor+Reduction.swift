import CTorch

// Over the named dimensions, which fall away unless kept with size 1; over all of them when none is named.
extension Tensor {
  public func sum(_ dimensions: Int..., keepDimensions: Bool = false) -> Tensor {
    .make("sum", self) { ctorch_tensor_sum(handle, dimensions.int64, Int32(dimensions.count), keepDimensions, $0) }
  }

  public func mean(_ dimensions: Int..., keepDimensions: Bool = false) -> Tensor {
    .make("mean", self) { ctorch_tensor_mean(handle, dimensions.int64, Int32(dimensions.count), keepDimensions, $0) }
  }

  /// The variance: squared deviations over the number of elements less `correction`.
  public func variance(_ dimensions: Int..., correction: Int = 1, keepDimensions: Bool = false) -> Tensor {
    .make("variance", self) {
      ctorch_tensor_var(handle, dimensions.int64, Int32(dimensions.count), Int64(correction), keepDimensions, $0)
    }
  }

  /// The largest element.
  public func max() -> Tensor { .make("max", self) { ctorch_tensor_max(handle, $0) } }

  /// The smallest element.
  public func min() -> Tensor { .make("min", self) { ctorch_tensor_min(handle, $0) } }

  /// Whether all elements are true.
  public func all() -> Bool { Tensor.make("all", self) { ctorch_tensor_all(handle, $0) }.item() != 0 }

  /// The place of the largest element along `dimension`: int64.
  public func argmax(_ dimension: Int = -1) -> Tensor {
    .make("argmax", self) { ctorch_tensor_argmax(handle, Int64(dimension), $0) }
  }

  /// The largest element along `dimension`.
  public func amax(_ dimension: Int = -1, keepDimension: Bool = false) -> Tensor {
    .make("amax", self) { ctorch_tensor_amax(handle, Int64(dimension), keepDimension, $0) }
  }

  /// The smallest element along `dimension`.
  public func amin(_ dimension: Int = -1, keepDimension: Bool = false) -> Tensor {
    .make("amin", self) { ctorch_tensor_amin(handle, Int64(dimension), keepDimension, $0) }
  }

  /// log Σ exp along `dimension`, without overflow.
  public func logSumExp(_ dimension: Int = -1, keepDimension: Bool = false) -> Tensor {
    .make("logSumExp", self) { ctorch_tensor_logsumexp(handle, Int64(dimension), keepDimension, $0) }
  }

  /// The `count` largest elements along `dimension`, largest first, and their places (int64).
  public func topk(_ count: Int, dimension: Int = -1) -> (values: Tensor, indices: Tensor) {
    var values: OpaquePointer?
    var indices: OpaquePointer?
    check(ctorch_tensor_topk(handle, Int64(count), Int64(dimension), &values, &indices), "topk", self)
    return (Tensor(owning: values!), Tensor(owning: indices!))
  }

  /// The Euclidean norm of all elements.
  public func norm() -> Tensor { .make("norm", self) { ctorch_tensor_norm(handle, $0) } }

  /// The eigenvalues of a symmetric matrix `[N, N]` of float32 or float64, ascending: `[N]`. Only its lower triangle is read.
  public func symmetricEigenvalues() -> Tensor {
    .make("symmetricEigenvalues", self) { ctorch_tensor_symmetric_eigenvalues(handle, $0) }
  }
}
