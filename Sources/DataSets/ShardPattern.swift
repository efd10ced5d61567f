/// Names of shards in short: `train-{000000..000146}.tar`, as WebDataset writes them. Several braces multiply, and a comma
/// separates words: `{a,b}`.
enum ShardPattern {
  /// All names that a pattern stands for, in order; a text without braces stands for itself.
  ///
  /// - Throws: `DataSetError` when a brace is not closed or holds neither words nor two numbers.
  static func names(of pattern: String) throws -> [String] {
    guard let open = pattern.firstIndex(of: "{") else { return [pattern] }
    guard let close = pattern[open...].firstIndex(of: "}") else {
      throw DataSetError("\(pattern): expected a } after its {")
    }
    let inside = pattern[pattern.index(after: open)..<close]
    let rest = try names(of: String(pattern[pattern.index(after: close)...]))
    return try choices(inside, in: pattern).flatMap { choice in rest.map { pattern[..<open] + choice + $0 } }
  }

  private static func choices(_ inside: Substring, in pattern: String) throws -> [String] {
    if inside.contains(",") { return inside.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    let ends = inside.split(separator: ".", omittingEmptySubsequences: true)
    guard inside.contains(".."), ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), first <= last,
      last - first < 1_000_000
    else {
      throw DataSetError("\(pattern)", expected: "{first..last} or {one,other}", got: "{\(inside)}")
    }
    return (first...last).map { number in
      let digits = String(number)
      return String(repeating: "0", count: max(0, ends[0].count - digits.count)) + digits
    }
  }
}
