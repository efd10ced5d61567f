@_exported import Errors

/// What is wrong with a configuration, and where: always a matter of what the user wrote.
public struct ConfigurationError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation.asWrongUsage }
}
