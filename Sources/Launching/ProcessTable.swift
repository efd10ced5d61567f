import Foundation

/// The processes of a machine, as far as a process may look at them.
package protocol ProcessTable {
  /// Whether this process is the first of its machine or container.
  var isFirst: Bool { get }
  /// Who started this process, who started that, and so on, by number and name.
  var ancestors: [(number: Int, name: String)] { get }
  /// All processes but this one and its ancestors.
  var others: [Int] { get }
  /// The environment that a process was started with; empty where it may not be seen.
  func variables(of process: Int) -> [String: String]
}

/// Those of this machine, from `/proc`.
package struct RunningProcesses: ProcessTable {
  package init() {}

  package var isFirst: Bool { getpid() == 1 }

  package var ancestors: [(number: Int, name: String)] {
    var found: [(number: Int, name: String)] = []
    var number = Int(getppid())
    // A loop that nothing but a wrong /proc could make endless.
    while number > 0, found.count < 100 {
      guard let (name, parent) = Self.status(of: number) else { break }
      found.append((number, name))
      number = parent
    }
    return found
  }

  package var others: [Int] {
    let own = Set(ancestors.map(\.number) + [Int(getpid())])
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int($0) }.filter { !own.contains($0) }
  }

  package func variables(of process: Int) -> [String: String] {
    guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/environ") else { return [:] }
    let pairs = bytes.split(separator: 0).compactMap { text -> (String, String)? in
      guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      return (String(decoding: text[..<equals], as: UTF8.self), String(decoding: text[(equals + 1)...], as: UTF8.self))
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  /// Name and parent. The name stands in parentheses and may hold some itself.
  private static func status(of process: Int) -> (name: String, parent: Int)? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: close)...].split(separator: " ")
    guard fields.count > 1, let parent = Int(fields[1]) else { return nil }
    return (String(text[text.index(after: open)..<close]), parent)
  }
}
