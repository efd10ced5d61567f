import CTorch

/// Copies tensors to a CUDA device beside what it computes, on a stream of its own. To be used from one thread.
public final class DeviceUploader {
  private let handle: OpaquePointer
  private var underWay: [Tensor] = []

  /// - Throws: ``TorchError`` when there is no such CUDA device.
  public init(to device: Device) throws {
    var handle: OpaquePointer?
    guard ctorch_uploader_create(device.number, &handle) == CTORCH_OK else { throw TorchError.last() }
    self.handle = handle!
  }

  deinit { ctorch_uploader_free(handle) }

  /// Asks for copies of tensors, and does not wait. Those of ``Tensor/pinned(_:dtype:)`` are read while this thread goes
  /// on; of others the bytes are taken at once.
  public func begin(_ tensors: [Tensor]) {
    underWay = tensors
    check(ctorch_uploader_begin(handle, tensors.map { $0.handle }, Int32(tensors.count)), "begin", tensors.first)
  }

  /// The copies of the tensors of the last ``begin(_:)``, which may still be under way: whatever is asked of the device
  /// from now on waits for them.
  public func finish() -> [Tensor] {
    var copies = [OpaquePointer?](repeating: nil, count: underWay.count)
    check(ctorch_uploader_finish(handle, &copies, Int32(copies.count)), "finish", underWay.first)
    underWay = []
    return copies.map { Tensor(owning: $0!) }
  }
}
