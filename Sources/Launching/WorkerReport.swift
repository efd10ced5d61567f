import CLinux
import Foundation

/// What a worker that failed hands to its supervisor, which of all workers' reasons shows the one that came first.
public enum WorkerReport {
  /// No pipe makes a worker wait that writes this much.
  private static let longestByteCount = 32 * 1024

  /// Hands a reason over, before the process ends.
  ///
  /// - Parameter variables: of this process.
  /// - Returns: whether there is a supervisor, who then shows it.
  public static func send(_ reason: Explanation, variables: [String: String]) -> Bool {
    guard let descriptor = variables[SupervisorVariable.report.rawValue].flatMap({ Int32($0) }) else { return false }
    guard var data = try? JSONEncoder().encode(reason) else { return false }
    if data.count > longestByteCount {
      let short = Explanation(Wording(reason.text()), isWrongUsage: reason.isWrongUsage)
      data = (try? JSONEncoder().encode(short)) ?? Data()
    }
    return data.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == data.count
  }

  /// Reads what a worker that has ended left; nil where it gave no reason.
  static func read(from descriptor: Int32) -> Explanation? {
    var bytes = [UInt8](repeating: 0, count: 2 * longestByteCount)
    let count = Foundation.read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return try? JSONDecoder().decode(Explanation.self, from: Data(bytes.prefix(count)))
  }
}
