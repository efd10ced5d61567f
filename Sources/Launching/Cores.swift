import CLinux
import Foundation

/// Shares of a machine's cores.
public enum Cores {
  /// How many cores this process may run on. (`ProcessInfo.activeProcessorCount` counts the machine's, also in a process
  /// that is pinned to a few of them.)
  public static var available: Int { max(1, ofThisProcess().count) }

  /// The cores that this process may run on, those that share hardware beside each other: packages, then the threads of
  /// one core.
  static func ofThisProcess() -> [Int] {
    var numbers = [Int32](repeating: 0, count: 8192)
    let count = max(0, Int(linux_cores(&numbers, Int32(numbers.count))))
    return numbers.prefix(count).map(Int.init)
      .map { core in (place: [topology("physical_package_id", core), topology("core_id", core), core], core: core) }
      .sorted { $0.place.lexicographicallyPrecedes($1.place) }
      .map(\.core)
  }

  /// Neighboring cores for each worker, as many for one as for another since all wait for the slowest; none for anyone
  /// where there are fewer cores than workers.
  static func divide(_ cores: [Int], among workers: Int) -> [[Int]] {
    let share = cores.count / workers
    return (0..<workers).map { Array(cores[$0 * share..<($0 + 1) * share]) }
  }

  private static func topology(_ name: String, _ core: Int) -> Int {
    let text = try? String(contentsOfFile: "/sys/devices/system/cpu/cpu\(core)/topology/\(name)", encoding: .utf8)
    return text.flatMap { Int($0.prefix { $0 != "\n" }) } ?? 0
  }
}
