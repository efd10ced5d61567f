import Foundation

/// What a worker writes to standard error: rank 0's text goes on at once, also parts of lines; other ranks' lines go on
/// whole, with their rank.
struct WorkerText {
  private let rank: Int
  /// What was not passed on of a line that has not ended.
  private var line: [UInt8] = []

  /// Lines that are longer come in pieces.
  private static let longestLine = 64 * 1024

  init(rank: Int) { self.rank = rank }

  /// Takes what was written.
  mutating func take(_ bytes: some Sequence<UInt8>, to output: SharedErrorOutput) {
    guard rank > 0 else { return output.pass(Array(bytes)) }
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine(output)
      } else {
        line.append(byte)
        if line.count >= Self.longestLine { endLine(output) }
      }
    }
  }

  /// Ends a line that the worker began and never ended.
  mutating func end(_ output: SharedErrorOutput) {
    if !line.isEmpty { endLine(output) }
  }

  private mutating func endLine(_ output: SharedErrorOutput) {
    output.line("[rank \(rank)] ".utf8 + line)
    line.removeAll(keepingCapacity: true)
  }
}
