import Errors
import Foundation
import Launching
import Pretraining

/// What people read: results on standard output, progress there too when it is a terminal and on standard error when
/// not, so that standard output can be piped. Where a supervisor brings standard error to a
/// terminal, progress goes there always, since the supervisor keeps it apart from other ranks' lines.
///
/// Progress waits for no reader; results do.
final class Console {
  private let progress: BackgroundOutput
  /// Whether progress may rewrite its line.
  let isLive: Bool
  private var liveLineIsShown = false

  init(variables: [String: String] = ProcessInfo.processInfo.environment) {
    guard variables[SupervisorVariable.terminal.rawValue] != "1" else {
      progress = .standardError
      isLive = true
      return
    }
    let outputIsTerminal = isatty(STDOUT_FILENO) != 0
    progress = outputIsTerminal ? .standardOutput : .standardError
    isLive = isatty(outputIsTerminal ? STDOUT_FILENO : STDERR_FILENO) != 0
  }

  /// Writes a line that stays.
  func note(_ line: String) {
    write(liveLineIsShown ? "\r\u{1B}[K\(line)\n" : "\(line)\n")
    liveLineIsShown = false
  }

  /// Writes a line that the next one replaces; nothing where lines cannot be replaced.
  func live(_ line: String) {
    guard isLive else { return }
    write("\r\u{1B}[K\(line)")
    liveLineIsShown = true
  }

  /// Ends a line that would have been replaced.
  func endLive() {
    if liveLineIsShown { write("\n") }
    liveLineIsShown = false
  }

  /// Writes a line of the result to standard output.
  func result(_ line: String) {
    endLive()
    Self.finish()
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }

  /// Writes one JSON object, keys in snake case, to standard output.
  func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    result(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Names keys that do not count, on standard error.
  static func noteUnusedKeys(of configuration: ResolvedConfiguration) {
    guard let keys = configuration.configuration.unusedKeys else { return }
    BackgroundOutput.standardError.write("not used: \(keys)\n")
  }

  /// Writes why the program failed.
  static func report(_ reason: Explanation) {
    BackgroundOutput.standardError.write("error: \(reason.text(naming: SettingNames.name(of:)))\n")
  }

  /// Waits until all progress is written.
  static func finish() {
    BackgroundOutput.standardError.finish()
    BackgroundOutput.standardOutput.finish()
  }

  private func write(_ text: String) { progress.write(text) }
}
