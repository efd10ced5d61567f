/// A tensor of a PyTorch file: which elements of which entry of the archive it is made of. Not yet read.
struct PyTorchTensor: Hashable {
  /// The entry's name.
  let key: String
  let dtype: DType
  /// Elements of the entry.
  let storageCount: Int
  /// The elements that are its own.
  let range: Range<Int>
  let shape: [Int]
  /// The dimensions from the outermost in memory to the innermost.
  private let order: [Int]

  static let storageTypes: [String: DType] = [
    "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
  ]

  /// - Throws: ``PyTorchFileProblem`` when the elements are not within the entry, or do not lie densely.
  init(key: String, dtype: DType, storageCount: Int, offset: Int, shape: [Int], strides: [Int]) throws {
    guard shape.count <= 32, strides.count == shape.count, let bytes = dtype.byteCount(of: shape) else {
      throw PyTorchFileProblem("it has a tensor of the impossible shape \("\(shape)".shownInMessage)")
    }
    let count = bytes / dtype.byteCount
    order = shape.indices.sorted { (strides[$0], shape[$0], -$0) > (strides[$1], shape[$1], -$1) }
    var step = 1
    for dimension in order.reversed() where shape[dimension] != 1 {
      guard strides[dimension] == step || count == 0 else {
        throw PyTorchFileProblem(
          "it has a tensor of shape \("\(shape)".shownInMessage) whose elements do not lie side by side: save a copy of it (.clone())"
        )
      }
      step *= shape[dimension]
    }
    guard offset >= 0, offset <= storageCount, count <= storageCount - offset else {
      throw PyTorchFileProblem("it has a tensor of shape \("\(shape)".shownInMessage) that goes beyond its elements")
    }
    (self.key, self.dtype, self.storageCount, self.shape) = (key, dtype, storageCount, shape)
    range = offset..<offset + count
  }

  /// The bytes of the entry; nil where there cannot be so many.
  var storageByteCount: Int? {
    let (bytes, overflow) = storageCount.multipliedReportingOverflow(by: dtype.byteCount)
    return overflow ? nil : bytes
  }

  /// Reads it from the bytes of its entry.
  func read(from entry: Range<Int>, of bytes: some RandomAccessBytes) throws -> Tensor {
    let start = entry.lowerBound + range.lowerBound * dtype.byteCount
    let stored = try bytes.tensor(
      start..<start + range.count * dtype.byteCount, shape: order.map { shape[$0] }, dtype: dtype)
    guard order != Array(shape.indices) else { return stored }
    let places = shape.indices.map { dimension in order.firstIndex(of: dimension)! }
    return stored.permuted(places).contiguous()
  }
}
