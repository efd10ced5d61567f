/// Something that people set, by what it is: `the global batch`. Lower floors speak of settings; whoever offers one as a key or
/// a flag gives it its name when an error is shown (``Explanation/text(naming:)``).
public struct Setting: RawRepresentable, Codable, Hashable, Sendable {
  /// In plain words, which stand for the name where nobody gives one.
  public let rawValue: String

  /// - Parameter rawValue: what it is, in plain words.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// - Parameter words: what it is.
  public init(_ words: String) { self.init(rawValue: words) }
}
