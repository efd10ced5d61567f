/// What every error of this package says, in one or two plain lines: what was expected and what came, what to try, and whether
/// what the user gave is to blame. It travels between processes as data.
public struct Explanation: Codable, Equatable, Sendable {
  /// What is wrong, or where something else was expected than came: a path, the name of a setting. Empty where the rest says all.
  public var problem: Wording
  /// What was expected.
  public var expected: Wording?
  /// What came in its place.
  public var got: String?
  /// What to try.
  public var advice: Wording?
  /// Whether arguments, environment or configuration are to blame, and not the machine: the same command would fail again.
  public var isWrongUsage: Bool

  /// - Parameters:
  ///   - problem: what is wrong, without a full stop.
  ///   - expected: what was expected, to be read after "expected".
  ///   - got: what came, to be read after "got".
  ///   - advice: what to try, in the imperative.
  ///   - isWrongUsage: whether arguments, environment or configuration are to blame.
  public init(
    _ problem: Wording = "", expected: Wording? = nil, got: String? = nil, advice: Wording? = nil,
    isWrongUsage: Bool = false
  ) {
    (self.problem, self.expected, self.got, self.advice) = (problem, expected, got, advice)
    self.isWrongUsage = isWrongUsage
  }

  /// All of it, for people: `images: expected a folder, got a file: give the folder that it lies in`.
  ///
  /// - Parameter naming: the key or flag of a setting; nil where it has none.
  public func text(naming: (Setting) -> String? = { _ in nil }) -> String {
    let found = [expected.map { "expected \($0.text(naming: naming))" }, got.map { "got \($0)" }].compactMap(\.self)
    return [problem.text(naming: naming), found.joined(separator: ", "), advice?.text(naming: naming) ?? ""]
      .filter { !$0.isEmpty }.joined(separator: ": ").printable
  }

  /// The same of something, which stands before the problem: a file, a process.
  public func about(_ subject: Wording) -> Explanation {
    var result = self
    result.problem = problem.isEmpty ? subject : "\(subject): \(problem)"
    return result
  }

  /// The same with the settings named for which there are names.
  public func named(_ naming: (Setting) -> String?) -> Explanation {
    var result = self
    result.problem = problem.named(naming)
    result.expected = expected?.named(naming)
    result.advice = advice?.named(naming)
    return result
  }

  /// The same, for which the user is to blame.
  public var asWrongUsage: Explanation {
    var result = self
    result.isWrongUsage = true
    return result
  }
}

extension String {
  /// Without control characters, which a terminal obeys, and no longer than a screen: names of files and what other processes say
  /// may hold anything.
  fileprivate var printable: String {
    let longest = 4000
    guard unicodeScalars.count <= longest else {
      // Its end says what to try.
      let (begin, end) = (unicodeScalars.prefix(longest - 1000), unicodeScalars.suffix(1000))
      return String(begin).printable + "…" + String(end).printable
    }
    var result = ""
    for scalar in unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
      if isControl && scalar != "\n" {
        result += scalar.escaped(asASCII: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
