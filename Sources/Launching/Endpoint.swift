/// A host and a TCP port.
public struct Endpoint: Equatable, Sendable, CustomStringConvertible {
  /// A name or an address, an IPv6 address without brackets.
  public var host: String
  /// 1 to 65535.
  public var port: Int

  /// Joins the two.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port` or `[address]:port`.
  ///
  /// - Returns: nil when the text is neither.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "[" || $0 == "]" || $0 == "/" }) else {
      return nil
    }
    self.init(host: String(host), port: port)
  }

  /// `host:port`, as ``init(_:)`` reads it.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  static func port(_ text: some StringProtocol) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(text).flatMap { (1...65535).contains($0) ? $0 : nil }
  }

  /// A port that all processes of a job find without talking to each other: 20000 to 29999, below the ports that Linux
  /// gives to outgoing connections and that Kubernetes gives to services.
  static func port(forJob job: String) -> Int {
    // FNV-1a, 32 bits.
    let hash = job.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return 20_000 + Int(hash % 10_000)
  }
}
