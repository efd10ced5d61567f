import Foundation

extension Domain where Value == String {
  /// A length of time with its units, as people and schedulers write it, or none.
  public static var duration: Self {
    let expectation = "a time such as 90m, 1h30m, 1.5h, 12:00:00 or 2-00:00:00"
    return Self(
      .text, expectation, allowed: ["''", "1s", "90m", "1.5h"],
      refused: ["3600", "soon", "10:00", "0m", "1h soon"],
      expected: { $0.isEmpty || WrittenDuration.seconds(of: $0) != nil ? nil : expectation },
      read: \.text, write: \.quotedIfNeeded)
  }
}

/// A length of time in a text: `1h30m`, `90 minutes`, `12:00:00`, or Slurm's `2-00:00:00` with days in front.
public enum WrittenDuration {
  /// Nil for what is none, or not above 0. A number alone is none: schedulers do not agree on what it counts.
  public static func seconds(of text: String) -> Double? {
    let text = text.trimmingCharacters(in: .whitespaces).lowercased()
    let seconds = clock(text) ?? units(text)
    return seconds.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
  }

  private static func clock(_ text: String) -> Double? {
    guard
      let match = text.wholeMatch(of: /(?:([0-9]{1,5})-)?([0-9]{1,5}):([0-5][0-9]):([0-5][0-9])/),
      let hours = Double(match.2), let minutes = Double(match.3), let seconds = Double(match.4)
    else { return nil }
    return ((match.1.flatMap { Double($0) } ?? 0) * 24 + hours) * 3600 + minutes * 60 + seconds
  }

  private static func units(_ text: String) -> Double? {
    var rest = text[...]
    var total = 0.0
    while !rest.isEmpty {
      guard let match = rest.prefixMatch(of: /([0-9]+(?:\.[0-9]+)?) *([a-z]+)[ ,]*/),
        let number = Double(match.1),
        let unit = lengths[String(match.2)]
      else { return nil }
      total += number * unit
      rest = rest[match.range.upperBound...]
    }
    return total
  }

  private static let lengths: [String: Double] = {
    let names: [(Double, [String])] = [
      (1, ["s", "sec", "secs", "second", "seconds"]),
      (60, ["m", "min", "mins", "minute", "minutes"]),
      (3600, ["h", "hr", "hrs", "hour", "hours"]), (86_400, ["d", "day", "days"]),
    ]
    return Dictionary(
      uniqueKeysWithValues: names.flatMap { length, names in names.map { ($0, length) } })
  }()
}
