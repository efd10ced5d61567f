extension Section {
  /// What to say of a key that does not exist: the nearest one that does, by what people call it.
  public func unknown(_ typed: String) -> String {
    let typed = Spelling(typed)
    let ranked = keys.map { (name: $0.name, distance: typed.distance(to: $0)) }
    let least = ranked.map(\.distance.byName).min()
    var nearest = ranked.filter { $0.distance.byName == least }
    // Who typed a section meant one key; a name that is right but for its section may stand for several.
    if typed.full.contains(".") || least! > 1 || nearest.count > 8 {
      nearest = nearest.min { $0.distance.byFullName < $1.distance.byFullName }.map { [$0] } ?? []
    }
    return "unknown key '\(typed.original)': did you mean \(nearest.map(\.name).joined(separator: " or "))?"
  }

  /// The same of a section.
  func unknown(section typed: String) -> String {
    func sections(_ section: Section<Root>, _ path: String) -> [String] {
      section.entries.flatMap { entry -> [String] in
        guard case .section(let inner) = entry else { return [] }
        let name = path.isEmpty ? inner.name : "\(path).\(inner.name)"
        return [name] + sections(inner, name)
      }
    }
    let spelling = Spelling(typed)
    let nearest = sections(self, "").min { spelling.full.edits(to: $0) < spelling.full.edits(to: $1) }
    return "unknown section '\(spelling.original)': did you mean \(nearest ?? "")?"
  }
}

/// A key as somebody typed it.
private struct Spelling {
  let original: String
  /// In snake case, as all keys are.
  let full: String

  /// - Parameter typed: of which no more counts than names have, since comparing takes time.
  init(_ typed: String) {
    original = typed.count > 100 ? typed.prefix(100) + "…" : typed
    full = original.reduce(into: "") { name, letter in
      if letter.isUppercase, let last = name.last, last != ".", last != "_" { name += "_" }
      name += letter == "-" || letter == " " ? "_" : letter.lowercased()
    }
  }

  /// How far a key is from this, by the nearest of its names and by its full one. The right name in the wrong section, or
  /// without one, is nearly right.
  func distance<Root>(to key: Key<Root>) -> (byName: Int, byFullName: Int) {
    let section = key.name.prefix(key.name.count - key.lastName.count)
    let nearest = ([key.lastName] + key.synonyms).map { name in
      min(full.edits(to: section + name), full.lastName.edits(to: name) + 1)
    }
    return (nearest.min()!, full.edits(to: key.name))
  }
}

extension Key {
  fileprivate var lastName: String { name.lastName }
}

extension String {
  /// What follows the last dot.
  fileprivate var lastName: String { String(self[(lastIndex(of: ".").map(index(after:)) ?? startIndex)...]) }

  /// How many letters must be inserted, removed or replaced to come to `other` (Levenshtein).
  fileprivate func edits(to other: String) -> Int {
    var row = Array(0...other.count)
    for (i, letter) in enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, otherLetter) in other.enumerated() {
        let substitution = diagonal + (letter == otherLetter ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(substitution, row[j] + 1, diagonal + 1)
      }
    }
    return row[other.count]
  }
}
