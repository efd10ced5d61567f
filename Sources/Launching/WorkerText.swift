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
  mutating func take(_ bytes: some Sequence<UInt8>, to output: SharedErrorOutput) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine(output)
      } else {
        line.append(byte)
        if line.count >= Self.longestLine { endLine(output) }
      }
    }
    if rank == 0, lineIsPassing || !mayBelongToError { passPart(output) }
  }

  /// Ends a line that the worker began and never ended.
  mutating func end(_ output: SharedErrorOutput) {
    if lineIsPassing { passPart(output) } else if !line.isEmpty { endLine(output) }
  }

  /// Passes on what was held back: the error of a worker that did not fail.
  mutating func release(to output: SharedErrorOutput) {
    for line in heldLines { pass(line, output) }
    heldLines = []
  }

  private var mayBelongToError: Bool {
    heldLines.count == 1 || line.starts(with: Self.errorOpening) || Self.errorOpening.starts(with: line)
  }

  private mutating func passPart(_ output: SharedErrorOutput) {
    output.pass(line)
    lineIsPassing = true
    line.removeAll(keepingCapacity: true)
  }

  private mutating func endLine(_ output: SharedErrorOutput) {
    if lineIsPassing {
      output.pass(line + [UInt8(ascii: "\n")])
      lineIsPassing = false
    } else if line.starts(with: Self.errorOpening) {
      release(to: output)
      heldLines = [line]
    } else if heldLines.count == 1 {
      heldLines.append(line)
    } else {
      pass(line, output)
    }
    line.removeAll(keepingCapacity: true)
  }

  private func pass(_ line: [UInt8], _ output: SharedErrorOutput) {
    rank == 0 ? output.pass(line + [UInt8(ascii: "\n")]) : output.line("[rank \(rank)] ".utf8 + line)
  }
}
