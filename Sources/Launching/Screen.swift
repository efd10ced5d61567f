import Foundation

/// Standard error, to which a supervisor brings the texts of several processes: one writes to it as if it were alone,
/// progress included, the others' lines come between.
final class Screen {
  private let descriptor: Int32
  /// Whether people watch, and a line may be replaced.
  let isTerminal: Bool
  private var isAtLineStart = true

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) != 0
  }

  /// Writes bytes as they are.
  func pass(_ bytes: some Collection<UInt8>) {
    guard let last = bytes.suffix(1).first else { return }
    write(Array(bytes))
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

  /// Nobody to read is no reason to end a training: what cannot be written is lost.
  private func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress!, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }
}
