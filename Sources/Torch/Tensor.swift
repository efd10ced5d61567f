import CTorch

/// A multi-dimensional array of numbers on a device, with automatic differentiation: libtorch's tensor.
///
/// Operations whose shapes or element types do not fit trap with the operation's name and its operands, as an index out
/// of range does.
public final class Tensor: @unchecked Sendable {
  package let handle: OpaquePointer

  /// Takes over a handle.
  package init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { ctorch_tensor_free(handle) }

  /// Runs one operation of the C ABI and owns its result.
  static func make(
    _ operation: StaticString, _ operands: Tensor?..., body: (UnsafeMutablePointer<OpaquePointer?>) -> ctorch_status
  ) -> Tensor {
    Tensor(owning: result(of: operation, operands, body: body))
  }

  /// Runs one operation of the C ABI; the handle it gives is the caller's to own.
  static func result(
    of operation: StaticString, _ operands: [Tensor?] = [],
    body: (UnsafeMutablePointer<OpaquePointer?>) -> ctorch_status
  ) -> OpaquePointer {
    var handle: OpaquePointer?
    let status = body(&handle)
    if status != Int32(CTORCH_OK) { fail(status, operation, operands) }
    return handle!
  }
}

// MARK: - What a tensor is

extension Tensor {
  /// The size of each dimension.
  public var shape: [Int] { (0..<rank).map { Int(ctorch_tensor_size(handle, Int32($0))) } }

  /// The number of dimensions.
  public var rank: Int { Int(ctorch_tensor_rank(handle)) }

  /// The number of elements.
  public var count: Int { Int(ctorch_tensor_element_count(handle)) }

  /// The type of the elements.
  public var dtype: DType {
    let number = ctorch_tensor_dtype(handle)
    guard let dtype = DType(rawValue: number) else {
      preconditionFailure("dtype: libtorch's type \(number) is unknown")
    }
    return dtype
  }

  /// Where the elements lie.
  public var device: Device { Device(number: ctorch_tensor_device(handle)) }

  /// Whether the elements lie row by row without gaps.
  public var isContiguous: Bool { ctorch_tensor_is_contiguous(handle) }

  /// Whether a tensor of shape `[N, C, H, W]` lies in memory as `[N, H, W, C]`.
  public var isChannelsLast: Bool { ctorch_tensor_is_channels_last(handle) }

  /// Shape, type and device: `[2, 3] float32 cpu`.
  public var summary: String { "\(shape) \(dtype)\(device == .cpu ? "" : " \(device)")" }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    let shown = 8
    let values = count <= 4096 ? flattened().array(of: Double.self).prefix(shown).map { "\(Float($0))" } : []
    return
      "Tensor(\(summary)\(values.isEmpty ? "" : ": ")\(values.joined(separator: ", "))\(count > shown ? ", …" : ""))"
  }
}

// MARK: - Elements in

extension Tensor {
  /// A tensor holding a copy of `values`, row-major, on the CPU.
  public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
    precondition(
      values.count == shape.reduce(1, *), "Tensor: \(values.count) values do not fill the shape \(shape)")
    let tensor = values.withUnsafeBytes { bytes in
      Tensor.copying(bytes, shape: shape, dtype: Element.dtype)
    }
    self.init(owning: tensor)
  }

  /// A vector holding a copy of `values` on the CPU.
  public convenience init<Element: TensorElement>(_ values: [Element]) { self.init(values, shape: [values.count]) }

  /// A tensor of one element and no dimensions on the CPU.
  public convenience init<Element: TensorElement>(_ value: Element) { self.init([value], shape: []) }

  /// A tensor holding a copy of raw elements, row-major, on the CPU.
  public convenience init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) {
    self.init(owning: Tensor.copying(bytes, shape: shape, dtype: dtype))
  }

  /// A CPU tensor over memory of the caller's, without a copy. `release` runs with its address when the last tensor
  /// that shares the memory goes, on whichever thread drops it.
  public convenience init(
    sharing bytes: UnsafeMutableRawPointer, shape: [Int], dtype: DType,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    let context = Unmanaged.passRetained(ReleaseBox(bytes, release)).toOpaque()
    let handle = Tensor.result(of: "Tensor") { out in
      ctorch_tensor_from_owned_bytes(
        bytes, shape.int64, Int32(shape.count), dtype.rawValue, context,
        { Unmanaged<ReleaseBox>.fromOpaque($0!).takeRetainedValue().run() }, out)
    }
    self.init(owning: handle)
  }

  private final class ReleaseBox {
    private let bytes: UnsafeMutableRawPointer
    private let release: @Sendable (UnsafeMutableRawPointer) -> Void

    init(_ bytes: UnsafeMutableRawPointer, _ release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
      (self.bytes, self.release) = (bytes, release)
    }

    func run() { release(bytes) }
  }

  private static func copying(_ bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) -> OpaquePointer {
    result(of: "Tensor") { out in
      ctorch_tensor_from_bytes(
        bytes.baseAddress, bytes.count, shape.int64, Int32(shape.count), dtype.rawValue, out)
    }
  }
}

// MARK: - Elements out

extension Tensor {
  /// The elements, row-major, converted to `Element`.
  public func array<Element: TensorElement>(of type: Element.Type) -> [Element] {
    [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      let byteCount = count * Element.dtype.byteCount
      check(ctorch_tensor_copy_out(handle, Element.dtype.rawValue, buffer.baseAddress, byteCount), "array", self)
      initialized = count
    }
  }

  /// The only element of a tensor of one.
  public func item() -> Double {
    var value = 0.0
    check(ctorch_tensor_item(handle, &value), "item", self)
    return value
  }

  /// Reads the elements, row-major in the tensor's own type, where they lie. The tensor must be contiguous on the CPU.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    var address: UnsafeMutableRawPointer?
    check(ctorch_tensor_data(handle, &address), "withUnsafeBytes", self)
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(start: address, count: count * dtype.byteCount))
  }

  /// Where the first element of a contiguous tensor on the CPU lies; valid while the tensor is alive.
  package var address: UnsafeMutableRawPointer {
    var address: UnsafeMutableRawPointer?
    check(ctorch_tensor_data(handle, &address), "address", self)
    return address!
  }

  /// Whether the other tensor has the same shape, type and bits; a NaN equals itself.
  public func isIdentical(to other: Tensor) -> Bool {
    var identical = false
    check(ctorch_tensor_identical(handle, other.handle, &identical), "isIdentical", self, other)
    return identical
  }
}

extension [Int] {
  var int64: [Int64] { map(Int64.init) }
}
