/// What is wrong with a configuration: the place, what was expected and what came, in one or two lines.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
