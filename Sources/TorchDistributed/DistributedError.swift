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
    self.description = description
    self.origin = origin
    self.isWrongUsage = isWrongUsage
  }
}
