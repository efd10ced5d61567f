import Foundation
import Yams

extension Domain where Value == Bool {
  /// `true` or `false`.
  public static var trueOrFalse: Self {
    Self(
      .trueOrFalse, ValueType.trueOrFalse.words, allowed: ["true", "false"], refused: ["perhaps"],
      expected: { _ in nil },
      read: \.bool, write: { "\($0)" })
  }
}

extension Domain where Value: CaseIterable & RawRepresentable<String> {
  /// One of the words of an enumeration.
  public static var choice: Self {
    let type = ValueType.choice(Value.allCases.map(\.rawValue))
    return Self(
      type, type.words, allowed: Value.allCases.map(\.rawValue.quotedIfNeeded), refused: ["something-else"],
      expected: { _ in nil },
      read: { $0.text.flatMap(Value.init) }, write: { $0.rawValue.quotedIfNeeded })
  }
}

extension Domain where Value == String {
  /// Every text, such as a path.
  ///
  /// - Parameter expectation: what it is: `a folder`.
  public static func any(_ expectation: String) -> Self {
    Self(
      .text, expectation, allowed: ["''", "'a: b'"], refused: [], expected: { _ in nil }, read: \.text,
      write: \.quotedIfNeeded)
  }

  /// A text of a form that somebody else knows.
  ///
  /// - Parameters:
  ///   - expectation: what it is: `auto, cpu, cuda or cuda:N`.
  ///   - allowed: some that are, for tests.
  ///   - refused: some that are nearly, for tests.
  public static func form(
    _ expectation: String, allowed: [String], refused: [String], _ isAllowed: @escaping @Sendable (String) -> Bool
  ) -> Self {
    Self(
      .text, expectation, allowed: allowed, refused: refused, expected: { isAllowed($0) ? nil : expectation },
      read: \.text, write: \.quotedIfNeeded)
  }
}

extension Node {
  /// The text of a scalar, whatever it looks like: `12` is a text, too.
  var text: String? { scalar?.string }
}

extension String {
  /// As a YAML scalar that is read as exactly this text: in quotes where it would be read as something else without.
  var quotedIfNeeded: String {
    let isPlain = range(of: "^[A-Za-z0-9_./+][A-Za-z0-9_./+@:-]*$", options: .regularExpression) != nil && last != ":"
    // Numbers and the words that YAML takes for no, yes or nothing are not plain texts.
    if isPlain, let node = try? Yams.compose(yaml: self), node.tag == Tag(.str), node.text == self { return self }
    guard unicodeScalars.allSatisfy(\.isPrintable) else { return "\"" + unicodeScalars.map(\.escaped).joined() + "\"" }
    return "'" + replacingOccurrences(of: "'", with: "''") + "'"
  }
}

extension Unicode.Scalar {
  /// Whether it may stand in YAML as it is.
  fileprivate var isPrintable: Bool {
    switch value {
    case 0x20..<0x7f, 0xa0..<0x2028, 0x202a..<0xfeff, 0xff00..<0xfffe, 0x10000...: true
    default: false
    }
  }

  /// As it stands within double quotes in YAML.
  fileprivate var escaped: String {
    switch value {
    case 0x22, 0x5c: "\\\(self)"
    case _ where isPrintable: String(self)
    default: "\\u" + String(repeating: "0", count: 4 - String(value, radix: 16).count) + String(value, radix: 16)
    }
  }
}
