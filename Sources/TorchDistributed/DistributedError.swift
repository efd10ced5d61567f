import Launching

/// Something went wrong between the processes of one training: one or two plain lines.
public struct DistributedError: PossibleMisuse, Equatable, Sendable, CustomStringConvertible {
  /// Where it began.
  public enum Origin: Sendable {
    /// In this process.
    case here
    /// In another process, which the text names.
    case elsewhere
    /// In every process alike: rank 0 tells people, and this is another one.
    case everywhere
    /// In another process, of which only the silence is known; ``World/with(_:options:_:)`` finds out more.
    case unknown
  }

  public let description: String
  public let origin: Origin
  public let isWrongUsage: Bool
  /// Whether another process failed first, and this one only noticed.
  public var isConsequence: Bool { origin != .here }

  /// - Parameter description: one or two lines: what was expected, what came, what to try.
  public init(_ description: String, origin: Origin = .here, isWrongUsage: Bool = false) {
    self.description = Self.printable(description)
    self.origin = origin
    self.isWrongUsage = isWrongUsage
  }

  /// Without control characters, which a terminal obeys, and no longer than a screen: much of what is reported comes from
  /// other processes.
  private static func printable(_ text: String) -> String {
    let longest = 4000
    var result = ""
    for scalar in text.unicodeScalars.prefix(longest) {
      let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
      if isControl && scalar != "\n" {
        result += scalar.escaped(asASCII: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return text.unicodeScalars.count > longest ? result + "…" : result
  }
}
