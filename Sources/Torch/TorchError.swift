import CTorch
import Foundation

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
}

/// Ends the program when an operation failed: a programmer's mistake (shapes, dtypes) traps with the operation's name
/// and operands; running out of memory is nobody's mistake and leaves with one line and exit code 1.
@inline(__always)
func check(_ status: ctorch_status, _ operation: StaticString, _ operands: Tensor?...) {
  if status != Int32(CTORCH_OK) { fail(status, operation, operands) }
}

@inline(never)
func fail(_ status: ctorch_status, _ operation: StaticString, _ operands: [Tensor?]) -> Never {
  let error = TorchError.last()
  let shapes = operands.compactMap { $0?.summary }.joined(separator: ", ")
  if status == Int32(CTORCH_OUT_OF_MEMORY) {
    let line = "error: out of memory in \(operation)(\(shapes)): \(error). Try a smaller batch or image size\n"
    FileHandle.standardError.write(Data(line.utf8))
    exit(1)
  }
  fatalError("\(operation)(\(shapes)): \(error)")
}
