/// One path or several.
public struct PathList: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  public var paths: [String]

  /// An empty path is none.
  public init(_ paths: [String]) { self.paths = paths.filter { !$0.isEmpty } }

  public init(stringLiteral path: String) { self.init([path]) }
  public init(arrayLiteral paths: String...) { self.init(paths) }

  public var isEmpty: Bool { paths.isEmpty }

  /// With commas between them.
  public var description: String { paths.joined(separator: ", ") }
}
