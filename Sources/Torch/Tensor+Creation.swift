import CTorch

extension Tensor {
  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 0, dtype: dtype, device: device)
  }

  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 1, dtype: dtype, device: device)
  }

  /// A tensor whose elements are all `value`.
  public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    make("full") { ctorch_tensor_full(shape.int64, Int32(shape.count), value, dtype.rawValue, device.number, $0) }
  }

  /// A tensor whose elements are whatever the memory held.
  public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    make("empty") { ctorch_tensor_empty(shape.int64, Int32(shape.count), dtype.rawValue, device.number, $0) }
  }

  /// A tensor of unset elements on the CPU in memory that CUDA devices read by themselves (pinned), so that copies to them
  /// need not be waited for; nil where no such memory can be had, as without CUDA. libtorch gives it out again only when
  /// the copies from it are done.
  public static func pinned(_ shape: [Int], dtype: DType) -> Tensor? {
    var handle: OpaquePointer?
    ctorch_tensor_empty_pinned(shape.int64, Int32(shape.count), dtype.rawValue, &handle)
    return handle.map(Tensor.init(owning:))
  }

  /// Zeros with the shape, type, device and memory order of `other`.
  public static func zeros(like other: Tensor) -> Tensor {
    make("zeros", other) { ctorch_tensor_zeros_like(other.handle, $0) }
  }

  /// Unset elements with the shape, type, device and memory order of `other`.
  public static func empty(like other: Tensor) -> Tensor {
    make("empty", other) { ctorch_tensor_empty_like(other.handle, $0) }
  }

  /// The whole numbers of `range`, in order.
  public static func arange(_ range: Range<Int>, dtype: DType = .int64, device: Device = .cpu) -> Tensor {
    make("arange") {
      ctorch_tensor_arange(Int64(range.lowerBound), Int64(range.upperBound), dtype.rawValue, device.number, $0)
    }
  }

  /// Numbers from the normal distribution of mean 0 and standard deviation 1; on device meta with a generator for it.
  public static func randn(
    _ shape: [Int], generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    if generator.device == .meta { return .empty(shape, dtype: dtype, device: .meta) }
    return make("randn") {
      ctorch_tensor_randn(shape.int64, Int32(shape.count), generator.handle, dtype.rawValue, device.number, $0)
    }
  }

  /// Numbers from the uniform distribution over `range`; on device meta with a generator for it.
  public static func uniform(
    _ shape: [Int], in range: Range<Double>, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    if generator.device == .meta { return .empty(shape, dtype: dtype, device: .meta) }
    return make("uniform") {
      ctorch_tensor_uniform(
        shape.int64, Int32(shape.count), range.lowerBound, range.upperBound, generator.handle, dtype.rawValue,
        device.number, $0)
    }
  }

  /// The numbers 0 ..< `count` in random order, int64.
  public static func randperm(_ count: Int, generator: Generator) -> Tensor {
    make("randperm") { ctorch_tensor_randperm(Int64(count), generator.handle, $0) }
  }
}

/// A source of random numbers for tensors; the same seed gives the same numbers on the same kind of device.
public final class Generator: @unchecked Sendable {
  let handle: OpaquePointer
  let device: Device

  /// - Parameter device: with ``Device/meta`` nothing is drawn, and tensors have shapes alone: for a network of which only the sizes are
  ///   asked.
  public init(seed: UInt64, device: Device = .cpu) {
    self.device = device
    var handle: OpaquePointer?
    check(ctorch_generator_create(device.number, seed, &handle), "Generator")
    self.handle = handle!
  }

  deinit { ctorch_generator_free(handle) }
}
