import CTorch
@_exported import Errors

/// Something that the world did wrong to files, devices or memory.
public struct TorchError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }

  /// libtorch's last error on this thread.
  package static func last() -> TorchError {
    TorchError(String(cString: ctorch_error_message()))
  }

  /// The same of an operation that returned `status`, named where memory ran out.
  package static func last(_ status: Int32, in operation: String) -> TorchError {
    status == Int32(CTORCH_OUT_OF_MEMORY) ? lastOutOfMemory(in: operation) : last()
  }

  static func lastOutOfMemory(in operation: String) -> TorchError {
    TorchError("out of memory in \(operation): \(last()). Try a smaller batch or image size")
  }
}

/// Ends the program when an operation failed: a programmer's mistake (shapes, dtypes) traps with the operation's name
/// and operands; running out of memory is nobody's mistake and ends the process in a way of its own
/// (``withLastWords(outOfMemory:_:)``).
@inline(__always)
func check(_ status: ctorch_status, _ operation: StaticString, _ operands: Tensor?...) {
  if status != Int32(CTORCH_OK) { fail(status, operation, operands) }
}

@inline(never)
func fail(_ status: ctorch_status, _ operation: StaticString, _ operands: [Tensor?]) -> Never {
  let call = "\(operation)(\(operands.compactMap { $0?.summary }.joined(separator: ", ")))"
  if status == Int32(CTORCH_OUT_OF_MEMORY) { OutOfMemory.leave(with: .lastOutOfMemory(in: call)) }
  fatalError("\(call): \(TorchError.last())")
}
