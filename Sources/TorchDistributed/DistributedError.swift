@_exported import Errors

/// Something went wrong between the processes of one training.
public struct DistributedError: ExplainedError {
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

  public let explanation: Explanation
  public let origin: Origin
  /// Whether another process failed first, and this one only noticed.
  public var isConsequence: Bool { origin != .here }

  public init(_ explanation: Explanation) { self.init(explanation, origin: .here) }

  /// - Parameter explanation: one or two lines: what was expected, what came, what to try.
  public init(_ explanation: Explanation, origin: Origin) { (self.explanation, self.origin) = (explanation, origin) }

  /// - Parameters:
  ///   - problem: what is wrong.
  ///   - advice: what to try.
  public init(_ problem: Wording, advice: Wording? = nil, origin: Origin, isWrongUsage: Bool = false) {
    self.init(Explanation(problem, advice: advice, isWrongUsage: isWrongUsage), origin: origin)
  }
}
