/// When a key counts at all: where another key has one of some values. One that does not count is named where it says something
/// else than its default.
struct Use<Root>: Sendable {
  /// The other key.
  let path: KeyIdentity
  /// Its values, in words: `sgd or lars`.
  let values: String
  let isMet: @Sendable (Root) -> Bool

  /// The same in what holds a `Root`.
  func within<Parent>(_ parent: WritableKeyPath<Parent, Root> & Sendable) -> Use<Parent> {
    Use<Parent>(path: path.within(parent), values: values, isMet: { [isMet] in isMet($0[keyPath: parent]) })
  }

  static func choices<Choice: RawRepresentable<String> & Equatable & Sendable>(
    _ path: WritableKeyPath<Root, Choice> & Sendable, _ choices: [Choice]
  ) -> Use {
    Use(
      path: KeyIdentity(path), values: choices.map(\.rawValue).joined(separator: " or "),
      isMet: { choices.contains($0[keyPath: path]) })
  }

  static func atLeast(_ least: Int, _ path: WritableKeyPath<Root, Int> & Sendable) -> Use {
    Use(path: KeyIdentity(path), values: "of at least \(least)", isMet: { $0[keyPath: path] >= least })
  }
}

extension Key {
  /// The same key, which counts only where another one has one of these values.
  public func used<Choice: RawRepresentable<String> & Equatable & Sendable>(
    with path: WritableKeyPath<Root, Choice> & Sendable, _ choices: Choice...
  ) -> Key {
    used(.choices(path, choices))
  }

  /// The same key, which counts only where another one is not smaller.
  public func used(with path: WritableKeyPath<Root, Int> & Sendable, atLeast least: Int) -> Key {
    used(.atLeast(least, path))
  }

  func used(_ use: Use<Root>) -> Key {
    var key = self
    key.uses.append(use)
    return key
  }
}

extension Section {
  /// The same section, which counts only where another key has one of these values.
  public func used<Choice: RawRepresentable<String> & Equatable & Sendable>(
    with path: WritableKeyPath<Root, Choice> & Sendable, _ choices: Choice...
  ) -> Section {
    used(.choices(path, choices))
  }

  /// A text for people that names the keys which say something else than their defaults and do not count, and why; nil where
  /// there are none.
  public func unused(in values: Root, defaults: Root) -> String? {
    let unused = keys.compactMap { key -> (key: String, reason: String)? in
      guard let use = key.uses.first(where: { !$0.isMet(values) }), key.written(values) != key.written(defaults)
      else { return nil }
      return (key.name, "with \(name(of: use.path)) \(use.values)")
    }
    let reasons = unused.map(\.reason).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let texts = reasons.map { reason in
      let names = unused.filter { $0.reason == reason }.map(\.key)
      return "\(names.joined(separator: ", ")) (\(names.count == 1 ? "counts" : "count") only \(reason))"
    }
    return texts.isEmpty ? nil : texts.joined(separator: "; ")
  }
}
