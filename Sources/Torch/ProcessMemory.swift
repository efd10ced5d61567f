import Foundation

/// The memory of this process and of its machine.
public enum ProcessMemory {
  /// The most that was resident at any time so far, in bytes.
  public static var peakResidentBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
  }

  /// Megabytes of memory that programs of this machine can still have; nil where the system does not say.
  public static var availableMegabytes: Int? { machine.map { $0.freeBytes >> 20 } }

  /// What Linux calls available memory and all memory, in bytes, or what the control group leaves of them.
  static var machine: (freeBytes: Int, totalBytes: Int)? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let total = kilobytes("MemTotal", in: text), let free = kilobytes("MemAvailable", in: text)
    else { return nil }
    guard let limit = number(in: "/sys/fs/cgroup/memory.max"), limit < total << 10,
      let used = number(in: "/sys/fs/cgroup/memory.current")
    else { return (free << 10, total << 10) }
    return (max(0, min(free << 10, limit - used)), limit)
  }

  /// A line of /proc/meminfo: `MemTotal:  24684196 kB`.
  private static func kilobytes(_ name: String, in text: String) -> Int? {
    text.split(separator: "\n").first { $0.hasPrefix("\(name):") }?.split(separator: " ").dropFirst().first
      .flatMap { Int($0) }
  }

  private static func number(in path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
}
