import Foundation

/// Has this process get no more memory than a number of megabytes besides what it has.
public func limitMemory(toMegabytesMore megabytes: Int) throws {
  struct Unknown: Error {}
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmSize:") }),
    let kilobytes = line.split(whereSeparator: \.isWhitespace).dropLast().last.flatMap({ Int($0) })
  else { throw Unknown() }
  let bytes = rlim_t((kilobytes << 10) + (megabytes << 20))
  var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
  guard setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { throw Unknown() }
}
