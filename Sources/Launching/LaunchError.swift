@_exported import Errors

/// What is wrong with how processes are started or with what their launcher says.
public struct LaunchError: ExplainedError {
  public let explanation: Explanation

  public init(_ explanation: Explanation) { self.explanation = explanation }
}

extension LaunchError {
  static func usage(_ problem: Wording, advice: Wording? = nil) -> LaunchError {
    LaunchError(problem, advice: advice, isWrongUsage: true)
  }

  static func usage(
    _ setting: Setting, expected: Wording, got: String? = nil, advice: Wording? = nil
  ) -> LaunchError {
    LaunchError("\(name: setting)", expected: expected, got: got, advice: advice, isWrongUsage: true)
  }
}
