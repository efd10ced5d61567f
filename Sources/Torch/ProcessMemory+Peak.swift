import Foundation

extension ProcessMemory {
  /// Runs `body` and says how many bytes more than before were resident at most (Linux): tensors, and whatever else libraries
  /// take.
  public static func peakGrowth<Result>(of body: () throws -> Result) rethrows -> (result: Result, bytes: Int) {
    resetPeak()
    let before = peakResidentBytes
    let result = try body()
    return (result, peakResidentBytes - before)
  }

  /// Has the peak begin anew at what is resident now.
  private static func resetPeak() {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }
}
