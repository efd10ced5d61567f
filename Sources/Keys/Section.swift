/// A section of the configuration: its keys, in the order of the file, the sections within it, and what must hold between
/// them. The whole configuration is a section, too, without a name.
public struct Section<Root>: Sendable {
  /// A key, or a section, in its place.
  public enum Entry: Sendable {
    case key(Key<Root>)
    case section(Section<Root>)

    var name: String {
      switch self {
      case .key(let key): key.name
      case .section(let section): section.name
      }
    }

    /// Whether it is a key that sets others, too.
    var setsOthers: Bool {
      if case .key(let key) = self { key.setsOthers } else { false }
    }
  }

  public let name: String
  /// What its keys are about.
  public let text: String
  public let entries: [Entry]
  /// What must hold between its keys, then what must hold in sections within it.
  public let rules: [Rule<Root>]
  private let ownRules: [Rule<Root>]
  /// All keys, also of sections within it, whose names then stand before theirs.
  public let keys: [Key<Root>]

  /// - Parameters:
  ///   - name: in snake case; empty for the whole configuration.
  ///   - text: what its keys are about; breaks of lines are spaces.
  ///   - rules: what must hold between its keys.
  public init(_ name: String, _ text: String, rules: [Rule<Root>] = [], @SectionBuilder<Root> _ entries: () -> [Entry])
  {
    self.init(name, text, entries(), ownRules: rules)
  }

  private init(_ name: String, _ text: String, _ entries: [Entry], ownRules: [Rule<Root>]) {
    (self.name, self.entries, self.ownRules) = (name, entries, ownRules)
    self.text = text.split(separator: "\n").joined(separator: " ")
    rules = entries.reduce(into: ownRules) { rules, entry in
      if case .section(let section) = entry { rules += section.rules }
    }
    keys = entries.flatMap { entry in
      switch entry {
      case .key(let key): return [key]
      case .section(let section):
        return section.keys.map { key in
          var key = key
          key.name = "\(section.name).\(key.name)"
          return key
        }
      }
    }
    precondition(Set(keys.map(\.name)).count == keys.count, "Section \(name): two keys have one name")
  }

  /// The same section of what holds a `Root`.
  public func within<Parent>(_ parent: WritableKeyPath<Parent, Root> & Sendable) -> Section<Parent> {
    let entries = entries.map { entry -> Section<Parent>.Entry in
      switch entry {
      case .key(let key): .key(key.within(parent))
      case .section(let section): .section(section.within(parent))
      }
    }
    return Section<Parent>(name, text, entries, ownRules: ownRules.map { $0.within(parent) })
  }

  func used(_ use: Use<Root>) -> Section {
    let entries = entries.map { entry -> Entry in
      switch entry {
      case .key(let key): .key(key.used(use))
      case .section(let section): .section(section.used(use))
      }
    }
    return Section(name, text, entries, ownRules: ownRules)
  }

  /// The full name of the key whose value is kept there.
  public func name(of path: PartialKeyPath<Root>) -> String { name(of: KeyIdentity(path)) }

  /// The full names of the keys that a rule is about: the one that messages name, then those that it depends on.
  public func names(of rule: Rule<Root>) -> [String] { rule.paths.map { name(of: $0) } }

  func name(of path: KeyIdentity) -> String {
    guard let key = keys.first(where: { $0.path == path }) else {
      preconditionFailure("no key is declared for \(path)")
    }
    return key.name
  }

  /// The section or key of a dotted name.
  public subscript(name: String) -> Entry? {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard let entry = entries.first(where: { $0.name == parts.first }) else { return nil }
    guard parts.count > 1 else { return entry }
    guard case .section(let section) = entry else { return nil }
    return section[parts[1]]
  }
}

/// Lists keys and sections one below the other.
@resultBuilder public enum SectionBuilder<Root> {
  public static func buildExpression(_ key: Key<Root>) -> [Section<Root>.Entry] { [.key(key)] }
  public static func buildExpression(_ keys: [Key<Root>]) -> [Section<Root>.Entry] { keys.map { .key($0) } }
  public static func buildExpression(_ section: Section<Root>) -> [Section<Root>.Entry] { [.section(section)] }
  public static func buildExpression(_ sections: [Section<Root>]) -> [Section<Root>.Entry] {
    sections.map { .section($0) }
  }
  public static func buildBlock(_ entries: [Section<Root>.Entry]...) -> [Section<Root>.Entry] { entries.flatMap { $0 } }
}
