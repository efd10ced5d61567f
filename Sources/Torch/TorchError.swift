import CTorch

/// Something that the world did wrong, in one or two plain lines.
public struct TorchError: Error, Sendable, CustomStringConvertible {
  public let description: String
  /// libtorch's own account with its stack trace, for `--verbose`; empty when the error is not libtorch's.
  public let details: String

  public init(_ description: String, details: String = "") {
    self.description = description
    self.details = details
  }

  /// libtorch's last error on this thread.
  package static func last() -> TorchError {
    TorchError(String(cString: ctorch_error_message()), details: String(cString: ctorch_error_details()))
  }

  /// The same of an operation that returned `status`, named where memory ran out.
  package static func last(_ status: Int32, in operation: String) -> TorchError {
    status == Int32(CTORCH_OUT_OF_MEMORY) ? lastOutOfMemory(in: operation) : last()
  }

  static func lastOutOfMemory(in operation: String) -> TorchError {
    let last = last()
    return TorchError(
      "out of memory in \(operation): \(last). Try a smaller batch or image size", details: last.details)
  }
}

/// Ends the program when an operation failed: a programmer's mistake (shapes, dtypes) traps with the operation's name
/// and operands; running out of memory is nobody's mistake and ends the process with one
/// line and exit code 1 (``withLastWords(outOfMemory:_:)``).
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
