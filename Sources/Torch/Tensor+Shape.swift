import CTorch

// Moving and viewing. Dimensions may count from the end: -1 is the last.
extension Tensor {
  /// The same numbers with another element type, on another device, or both; itself when nothing changes.
  public func to(_ dtype: DType? = nil, device: Device? = nil) -> Tensor {
    .make("to", self) {
      ctorch_tensor_to(handle, (dtype ?? self.dtype).rawValue, (device ?? self.device).number, $0)
    }
  }

  /// The same numbers, row by row without gaps in memory.
  public func contiguous() -> Tensor { .make("contiguous", self) { ctorch_tensor_contiguous(handle, false, $0) } }

  /// The same `[N, C, H, W]` in the memory order `[N, H, W, C]`, which convolutions like best.
  public func channelsLast() -> Tensor { .make("channelsLast", self) { ctorch_tensor_contiguous(handle, true, $0) } }

  /// A copy with memory of its own.
  public func clone() -> Tensor { .make("clone", self) { ctorch_tensor_clone(handle, $0) } }

  /// The same elements in another shape; one size may be -1 and follows from the rest.
  public func reshaped(_ shape: [Int]) -> Tensor {
    .make("reshaped", self) { ctorch_tensor_reshape(handle, shape.int64, Int32(shape.count), $0) }
  }

  /// Folds the dimensions from `first` to `last` into one.
  public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
    .make("flattened", self) { ctorch_tensor_flatten(handle, Int64(first), Int64(last), $0) }
  }

  /// The dimensions in another order.
  public func permuted(_ order: [Int]) -> Tensor {
    .make("permuted", self) { ctorch_tensor_permute(handle, order.int64, Int32(order.count), $0) }
  }

  /// Two dimensions exchanged.
  public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    .make("transposed", self) { ctorch_tensor_transpose(handle, Int64(first), Int64(second), $0) }
  }

  /// A dimension of size 1 inserted before `dimension`.
  public func unsqueezed(_ dimension: Int) -> Tensor {
    .make("unsqueezed", self) { ctorch_tensor_unsqueeze(handle, Int64(dimension), $0) }
  }

  /// A dimension of size 1 taken away.
  public func squeezed(_ dimension: Int) -> Tensor {
    .make("squeezed", self) { ctorch_tensor_squeeze(handle, Int64(dimension), $0) }
  }

  /// Dimensions of size 1 repeated, without a copy, to fill `shape`.
  public func expanded(_ shape: [Int]) -> Tensor {
    .make("expanded", self) { ctorch_tensor_expand(handle, shape.int64, Int32(shape.count), $0) }
  }

  /// A view of `range` along one dimension.
  public func narrow(_ dimension: Int, _ range: Range<Int>) -> Tensor {
    .make("narrow", self) {
      ctorch_tensor_narrow(handle, Int64(dimension), Int64(range.lowerBound), Int64(range.count), $0)
    }
  }

  /// A view of one slice along one dimension, which falls away.
  public func select(_ dimension: Int, _ index: Int) -> Tensor {
    .make("select", self) { ctorch_tensor_select(handle, Int64(dimension), Int64(index), $0) }
  }

  /// A view of the diagonal of a matrix, `offset` above the main one.
  public func diagonal(offset: Int = 0) -> Tensor {
    .make("diagonal", self) { ctorch_tensor_diagonal(handle, Int64(offset), $0) }
  }

  /// The slices that `index` (int64, `[K]`) names along one dimension.
  public func indexSelect(_ dimension: Int, _ index: Tensor) -> Tensor {
    .make("indexSelect", self, index) { ctorch_tensor_index_select(handle, Int64(dimension), index.handle, $0) }
  }

  /// One element along `dimension` for each element of `index` (int64, same rank).
  public func gather(_ dimension: Int, _ index: Tensor) -> Tensor {
    .make("gather", self, index) { ctorch_tensor_gather(handle, Int64(dimension), index.handle, $0) }
  }

  /// A copy to which `source` is added at the places that `index` names along `dimension`.
  public func scatterAdd(_ dimension: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
    .make("scatterAdd", self, source) {
      ctorch_tensor_scatter_add(handle, Int64(dimension), index.handle, source.handle, $0)
    }
  }

  /// The tensors one after another along an existing dimension.
  public static func concatenate(_ tensors: [Tensor], dimension: Int = 0) -> Tensor {
    let handles = tensors.map { Optional($0.handle) }
    return withExtendedLifetime(tensors) {
      make("concatenate", tensors.first, tensors.last) {
        ctorch_tensor_concatenate(handles, Int32(handles.count), Int64(dimension), $0)
      }
    }
  }

  /// The tensors one after another along a new dimension.
  public static func stack(_ tensors: [Tensor], dimension: Int = 0) -> Tensor {
    let handles = tensors.map { Optional($0.handle) }
    return withExtendedLifetime(tensors) {
      make("stack", tensors.first, tensors.last) {
        ctorch_tensor_stack(handles, Int32(handles.count), Int64(dimension), $0)
      }
    }
  }
}
