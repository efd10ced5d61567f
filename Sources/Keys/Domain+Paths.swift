import Yams

extension Domain where Value == PathList {
  /// A path, or a list of several.
  ///
  /// - Parameter expectation: what they lead to: `a folder`.
  public static func paths(_ expectation: String) -> Self {
    Self(
      .text, expectation, allowed: ["''", "'a: b'", "[a, 'b, c']"], refused: [],
      expected: { _ in nil },
      read: { PathList($0) },
      write: { list in
        guard list.paths.count > 1 else { return (list.paths.first ?? "").quotedIfNeeded }
        return "[" + list.paths.map(\.quotedIfNeeded).joined(separator: ", ") + "]"
      })
  }
}

extension PathList {
  /// Nil for what is neither a path nor a list of them. The text of an override that stands in brackets is a list; a path
  /// that does so is put in quotes.
  fileprivate init?(_ node: Node) {
    if let sequence = node.sequence {
      let paths = sequence.compactMap(\.text)
      guard paths.count == sequence.count else { return nil }
      self.init(paths)
    } else if let scalar = node.scalar {
      if ![.singleQuoted, .doubleQuoted].contains(scalar.style), scalar.string.hasPrefix("["),
        scalar.string.hasSuffix("]"), let list = try? Yams.compose(yaml: scalar.string),
        list.sequence != nil
      {
        self.init(list)
      } else {
        self.init([scalar.string])
      }
    } else {
      return nil
    }
  }
}
