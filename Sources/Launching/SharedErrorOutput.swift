import Foundation

/// Standard error, to which a supervisor brings the texts of several processes: one writes to it as if it were alone,
/// progress included, the others' lines come between.
final class SharedErrorOutput {
  private let output: BackgroundOutput
  /// Whether people watch, and a line may be replaced.
  let isTerminal: Bool
  private var isAtLineStart = true

  init(_ descriptor: Int32) {
    output = descriptor == STDERR_FILENO ? .standardError : BackgroundOutput(descriptor)
    isTerminal = isatty(descriptor) != 0
  }

  /// Writes bytes as they are.
  func pass(_ bytes: some Collection<UInt8>) {
    guard let last = bytes.suffix(1).first else { return }
    output.write(bytes)
    isAtLineStart = last == UInt8(ascii: "\n")
  }

  /// Writes a line of its own. A line of progress on a terminal gives way, and comes again with its next figure.
  func line(_ bytes: some Collection<UInt8>) {
    let opening = isAtLineStart ? "" : isTerminal ? "\r\u{1B}[K" : "\n"
    pass(Array(opening.utf8) + bytes + [UInt8(ascii: "\n")])
  }

  func line(_ text: String) { line(text.utf8) }

  /// Ends the line that was begun, if any.
  func endLine() {
    if !isAtLineStart { pass([UInt8(ascii: "\n")]) }
  }
}
