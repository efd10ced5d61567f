import Yams

extension Domain where Value == Int {
  /// Whole numbers end here where nothing else is said, so that products of two of them do not overflow.
  public static var largest: Int { Int(Int32.max) }

  /// - Parameter meanings: what special values stand for: `[0: "no limit"]`.
  public static func atLeast(_ lower: Int, _ meanings: [Int: String] = [:]) -> Self {
    let text = meanings[lower].map { "\(lower) (\($0)) or more" } ?? "at least \(lower)"
    return whole(lower...largest, text)
  }

  /// - Parameter meanings: what special values stand for: `[0: "all cores"]`.
  public static func from(_ lower: Int, to upper: Int, _ meanings: [Int: String] = [:]) -> Self {
    func word(_ value: Int) -> String { meanings[value].map { "\(value) (\($0))" } ?? "\(value)" }
    guard upper - lower == 2 else { return whole(lower...upper, "\(word(lower)) to \(word(upper))") }
    return whole(lower...upper, "\(word(lower)), \(word(lower + 1)) or \(word(upper))")
  }

  private static func whole(_ range: ClosedRange<Int>, _ expectation: String) -> Self {
    let beyond = [range.lowerBound.subtractingReportingOverflow(1), range.upperBound.addingReportingOverflow(1)]
    return Self(
      .wholeNumber, expectation, allowed: ["\(range.lowerBound)", "\(range.upperBound)"],
      refused: beyond.filter { !$0.overflow }.map { "\($0.partialValue)" },
      expected: {
        $0 > range.upperBound && range.upperBound == largest
          ? "at most \(largest)" : range.contains($0) ? nil : expectation
      },
      read: \.int, write: { "\($0)" })
  }
}

extension Domain where Value == Double {
  /// Above a number, which is not allowed itself.
  public static func above(_ lower: Double) -> Self {
    real("a number above \(lower.short)", from: lower.nextUp, to: .greatestFiniteMagnitude)
  }

  /// Above a number, which is not allowed itself, up to another one, which is.
  public static func above(_ lower: Double, to upper: Double) -> Self {
    real("a number above \(lower.short) and up to \(upper.short)", from: lower.nextUp, to: upper)
  }

  /// - Parameter meanings: what special values stand for: `[0: "never"]`.
  public static func atLeast(_ lower: Double, _ meanings: [Double: String] = [:]) -> Self {
    let text = meanings[lower].map { "\(lower.short) (\($0)) or more" } ?? "a number of at least \(lower.short)"
    return real(text, from: lower, to: .greatestFiniteMagnitude)
  }

  /// - Parameter meanings: what special values stand for: `[604_800: "a week"]`.
  public static func from(_ lower: Double, to upper: Double, _ meanings: [Double: String] = [:]) -> Self {
    func word(_ value: Double) -> String { value.short + (meanings[value].map { " (\($0))" } ?? "") }
    return real("a number from \(word(lower)) to \(word(upper))", from: lower, to: upper)
  }

  /// From a number, which is allowed, up to another one, which is not.
  public static func from(_ lower: Double, below upper: Double) -> Self {
    real("a number from \(lower.short) to below \(upper.short)", from: lower, to: upper.nextDown)
  }

  /// Whole numbers that are kept as a `Double`.
  public static func whole(from lower: Int, to upper: Int) -> Self {
    let expectation = "a whole number from \(lower) to \(upper)"
    return Self(
      .wholeNumber, expectation, allowed: ["\(lower)", "\(upper)"], refused: ["\(lower - 1)", "\(upper + 1)"],
      expected: { Double(lower) <= $0 && $0 <= Double(upper) ? nil : expectation },
      read: { $0.int.map(Double.init) }, write: { "\(Int($0))" })
  }

  /// Every number there is.
  public static var finite: Self {
    real("a number", from: -.greatestFiniteMagnitude, to: .greatestFiniteMagnitude)
  }

  private static func real(_ expectation: String, from lower: Double, to upper: Double) -> Self {
    let beyond = [lower.nextDown, upper.nextUp, -.infinity, .infinity, .nan]
    return Self(
      .number, expectation, allowed: [lower.yaml, upper.yaml], refused: beyond.map(\.yaml),
      expected: { lower <= $0 && $0 <= upper ? nil : expectation }, read: \.float, write: \.yaml)
  }
}

extension Domain where Value == [Double] {
  /// One number for each of `names`: `.each(of: ["red", "green", "blue"], .above(0))`.
  public static func each(of names: [String], _ element: Domain<Double>) -> Self {
    let count = names.count
    let which = names.dropLast().joined(separator: ", ") + " and " + names.last!
    let expectation = "\(count) numbers\(element.expectation.dropFirst("a number".count)), for \(which)"
    @Sendable func list(_ elements: [String]) -> String { "[\(elements.joined(separator: ", "))]" }
    let ones = Array(repeating: "1.0", count: count)
    return Self(
      .numbers(count), expectation, allowed: element.allowedAtEdges.map { list(ones.dropLast() + [$0]) },
      refused: [list(ones.dropLast()), list(ones + ["1.0"])]
        + element.refusedAtEdges.map { list(ones.dropLast() + [$0]) },
      expected: { [expected = element.expected] values in
        values.count == count && values.allSatisfy { expected($0) == nil } ? nil : expectation
      },
      read: { node in
        guard let elements = node.sequence?.map(\.float), !elements.contains(nil) else { return nil }
        return elements.compactMap { $0 }
      }, write: { list($0.map(\.yaml)) })
  }
}

extension Double {
  /// As people write it: `1`, `0.5`, `604800`.
  fileprivate var short: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }

  /// As YAML has it: the shortest text that gives the same number.
  fileprivate var yaml: String {
    if isNaN { return ".nan" }
    return isInfinite ? (self < 0 ? "-.inf" : ".inf") : "\(self)"
  }
}
