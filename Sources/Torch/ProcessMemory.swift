import Foundation

/// The memory of this process.
public enum ProcessMemory {
  /// The most that was resident at any time so far, in bytes.
  public static var peakResidentBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
  }
}
