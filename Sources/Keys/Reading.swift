import Yams

/// A configuration while it is read: YAML texts and overrides such as `training.epochs=5` are laid over the defaults, one
/// after another. Every key is optional; one that does not exist is refused.
public struct Reading<Root> {
  public private(set) var values: Root
  private let keys: Section<Root>
  /// Where each value came from, by the name of its key.
  private var origins: [String: Origin] = [:]

  public init(_ keys: Section<Root>, over defaults: Root) { (self.keys, values) = (keys, defaults) }

  /// Lays the keys of a YAML text over the values so far.
  ///
  /// - Parameter name: how messages call the text.
  /// - Throws: ``ConfigurationError`` naming line and key.
  public mutating func lay(yaml: String, name: String) throws {
    let document: Node?
    do {
      document = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw ConfigurationError("\(name) is not valid YAML: \(error.firstLine)")
    }
    guard let document, document.null == nil else { return }
    try merge(document, into: keys, path: "", from: Origin(name: name, line: nil, tellsLines: true))
  }

  /// Lays `dotted.key=value`s over the values so far, first those of keys that set others.
  ///
  /// - Throws: ``ConfigurationError`` naming the override.
  public mutating func lay(overrides: [String]) throws {
    func setsOthers(_ override: String) -> Bool {
      if case .key(let key) = keys[String(override.prefix { $0 != "=" })] { key.setsOthers } else { false }
    }
    for override in overrides.filter(setsOthers) + overrides.filter({ !setsOthers($0) }) {
      try lay(override: override)
    }
  }

  /// Lays one `dotted.key=value` over the values so far.
  ///
  /// - Throws: ``ConfigurationError`` naming the override.
  public mutating func lay(override: String) throws {
    guard let separator = override.firstIndex(of: "="), separator > override.startIndex else {
      throw ConfigurationError("expected an override of the form section.key=value, got '\(override)'")
    }
    let name = String(override[..<separator])
    let text = String(override[override.index(after: separator)...])
    let shown = override.count > 200 ? override.prefix(200) + "…" : override[...]
    let origin = Origin(name: "override '\(shown)'")
    guard let entry = keys[name] else { throw ConfigurationError("\(origin): \(keys.unknown(name))") }
    switch entry {
    case .key(let key): try set(key, name, to: try node(of: text, for: key.type, origin), from: origin)
    case .section(let section): try merge(try node(of: text, for: nil, origin), into: section, path: name, from: origin)
    }
  }

  /// The values, once they are all there.
  ///
  /// - Throws: ``ConfigurationError`` naming the place of a value that is out of its range, or that does not go together
  ///   with others.
  public func checked() throws -> Root {
    if let (names, fault) = keys.fault(in: values) {
      let place = names.lazy.compactMap { origins[$0] }.first.map { "\($0): " } ?? ""
      throw ConfigurationError("\(place)\(names[0])", expected: "\(fault.expected)", got: "\(fault.got)")
    }
    return values
  }
}

extension Section {
  /// The first fault of `values`, with the full name of the key that has it, and those that it hangs together with.
  public func fault(in values: Root) -> (names: [String], fault: Fault)? {
    for key in keys {
      if let fault = key.fault(in: values) { return ([key.name], fault) }
    }
    for rule in rules {
      if let fault = rule.fault(values) { return (names(of: rule), fault) }
    }
    return nil
  }
}

// MARK: - Laying over

extension Reading {
  private mutating func merge(_ given: Node, into section: Section<Root>, path: String, from origin: Origin) throws {
    guard let mapping = given.mapping else {
      // A section with nothing in it.
      if given.null != nil { return }
      let what = path.isEmpty ? "sections of keys at the top" : "\(path) to be a section of keys"
      throw ConfigurationError("\(origin.at(given))", expected: "\(what)", got: "\(given.shown)")
    }
    let given = mapping.map { keyNode, value in
      let name = keyNode.text ?? keyNode.shown
      return (keyNode: keyNode, name: name, value: value, entry: section.entries.first { $0.name == name })
    }
    for (keyNode, name, value, entry) in given.filter({ $0.entry?.setsOthers == true })
      + given.filter({ $0.entry?.setsOthers != true })
    {
      let full = path.isEmpty ? name : "\(path).\(name)"
      switch entry {
      case .key(let key): try set(key, full, to: value, from: origin.at(value))
      case .section(let inner): try merge(value, into: inner, path: full, from: origin)
      case nil:
        let isSection = value.mapping != nil || value.null != nil
        let unknown = isSection ? keys.unknown(section: full) : keys.unknown(full)
        throw ConfigurationError("\(origin.at(keyNode)): \(unknown)")
      }
    }
  }

  private mutating func set(_ key: Key<Root>, _ name: String, to value: Node, from origin: Origin) throws {
    guard value.mapping == nil else { throw ConfigurationError("\(origin): \(name) is a value, not a section of keys") }
    guard key.read(value, &values) else {
      throw ConfigurationError("\(origin): \(name)", expected: "\(key.type.words)", got: "\(value.shown)")
    }
    origins[name] = origin
  }

  /// What the text of an override says. A path may look like anything in YAML, so that texts are taken as they stand, unless
  /// they are in quotes.
  private func node(of text: String, for type: ValueType?, _ origin: Origin) throws -> Node {
    let isQuoted = ["'", "\""].contains(text.first)
    if text.isEmpty || (type == .text && !isQuoted) { return Node(text) }
    if let node = try? Yams.compose(yaml: text) { return node }
    guard type == .text else { throw ConfigurationError("\(origin): the value cannot be read as YAML") }
    return Node(text)
  }
}

/// Where something was written: `recipe.yaml, line 3`.
struct Origin: CustomStringConvertible {
  var name: String
  var line: Int?
  /// Whether its parts have lines of their own.
  var tellsLines = false

  func at(_ node: Node) -> Origin {
    guard tellsLines, let mark = node.mark else { return self }
    return Origin(name: name, line: mark.line, tellsLines: true)
  }

  var description: String { line.map { "\(name), line \($0)" } ?? name }
}

extension Node {
  /// For messages.
  fileprivate var shown: String {
    switch self {
    case .scalar(let scalar): "'\(scalar.string)'"
    case .sequence(let elements):
      elements.allSatisfy { $0.text != nil } ? "'[\(elements.compactMap(\.text).joined(separator: ", "))]'" : "'a list'"
    case .mapping, .alias: "'a section'"
    }
  }
}

extension YamlError {
  fileprivate var firstLine: String {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): \(problem)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      "line \(context.mark.line): \(duplicates.sorted().joined(separator: ", ")) is there twice"
    default: String("\(self)".prefix { $0 != "\n" })
    }
  }
}
