/// What a worker writes to standard error: rank 0's text goes on at once, also parts of lines; other ranks' lines go on
/// whole, with their rank. A line that begins with `error: ` is held back, with the one after it (messages have one or
/// two): of all ranks only the one that failed first is to be reported.
struct WorkerText {
  private let rank: Int
  /// What was not passed on of a line that has not ended.
  private var line: [UInt8] = []
  /// Whether the beginning of that line was passed on.
  private var lineIsPassing = false
  private var heldLines: [[UInt8]] = []

  private static let errorOpening = Array("error: ".utf8)
  /// Lines that are longer come in pieces.
  private static let longestLine = 64 * 1024

  init(rank: Int) { self.rank = rank }

  /// What the worker gave as its error, without `error: `.
  var reason: String? {
    guard let first = heldLines.first else { return nil }
    let lines = [Array(first.dropFirst(Self.errorOpening.count))] + heldLines.dropFirst()
    return lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }

  /// Takes what was written.
  mutating func take(_ bytes: some Sequence<UInt8>, to screen: Screen) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine(screen)
      } else {
        line.append(byte)
        if line.count >= Self.longestLine { endLine(screen) }
      }
    }
    if rank == 0, lineIsPassing || !mayBelongToError { passPart(screen) }
  }

  /// Ends a line that the worker began and never ended.
  mutating func end(_ screen: Screen) {
    if lineIsPassing { passPart(screen) } else if !line.isEmpty { endLine(screen) }
  }

  /// Passes on what was held back: the error of a worker that did not fail.
  mutating func release(to screen: Screen) {
    for line in heldLines { pass(line, screen) }
    heldLines = []
  }

  private var mayBelongToError: Bool {
    heldLines.count == 1 || line.starts(with: Self.errorOpening) || Self.errorOpening.starts(with: line)
  }

  private mutating func passPart(_ screen: Screen) {
    screen.pass(line)
    lineIsPassing = true
    line.removeAll(keepingCapacity: true)
  }

  private mutating func endLine(_ screen: Screen) {
    if lineIsPassing {
      screen.pass(line + [UInt8(ascii: "\n")])
      lineIsPassing = false
    } else if line.starts(with: Self.errorOpening) {
      release(to: screen)
      heldLines = [line]
    } else if heldLines.count == 1 {
      heldLines.append(line)
    } else {
      pass(line, screen)
    }
    line.removeAll(keepingCapacity: true)
  }

  private func pass(_ line: [UInt8], _ screen: Screen) {
    rank == 0 ? screen.pass(line + [UInt8(ascii: "\n")]) : screen.line("[rank \(rank)] ".utf8 + line)
  }
}
