import Augmentation
import Foundation
import Yams

/// The text form of a ``Configuration``: YAML with snake-case keys, every key optional, unknown keys refused, and
/// overrides such as `training.epochs=5` on top.
///
/// The keys, their order and their defaults are those of the `Configuration` type itself: a file is laid over the
/// encoded defaults, then decoded. A key that has no default (an optional property that is nil) is known all the same.
struct ConfigurationFile {
  /// Every key there is.
  private let known: Node
  private var values: Node
  /// Where each value came from, by dotted key: for messages.
  private var origins: [String: String] = [:]

  init() throws {
    known = try Self.node(of: .withEveryKey)
    values = try Self.node(of: Configuration())
  }

  /// Lays the keys of a YAML text over the values so far.
  ///
  /// - Parameter name: how messages call the text.
  mutating func overlay(yaml: String, name: String) throws {
    let document: Node?
    do {
      document = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw ConfigurationError("\(name) is not valid YAML: \(error.firstLine)")
    }
    guard let document, document.null == nil else { return }
    values = try merge(document, over: values, known: known, path: [], name: name)
  }

  /// Lays one `dotted.key=value` over the values so far.
  mutating func overlay(override: String) throws {
    guard let separator = override.firstIndex(of: "="), separator > override.startIndex else {
      throw ConfigurationError("expected an override of the form section.key=value, got '\(override)'")
    }
    let path = override[..<separator].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let text = String(override[override.index(after: separator)...])
    let value: Node
    do {
      value = try text.isEmpty ? Node("") : Yams.compose(yaml: text) ?? Node("")
    } catch {
      throw ConfigurationError("cannot read the value of '\(override)'")
    }
    let nested = path.reversed().reduce(value) { Node.mapping(.init([(Node($1), $0)])) }
    values = try merge(
      nested, over: values, known: known, path: [], name: "override '\(override)'", showsLines: false)
  }

  /// The configuration that the values make, whatever they say.
  ///
  /// - Throws: ``ConfigurationError`` naming the place when a value has the wrong type.
  func decoded() throws -> Configuration {
    do {
      return try YAMLDecoder().decode(Configuration.self, from: values.mappingKeys(\.camelCased))
    } catch let error as DecodingError {
      throw describe(error)
    }
  }

  /// The place of a key for messages: `recipe.yaml, line 3`; nil when it has its default.
  func origin(of key: String) -> String? { origins[key] }
}

extension Configuration {
  /// The defaults, with a value for every key that may be absent.
  fileprivate static var withEveryKey: Configuration {
    var result = Configuration()
    let everything = ViewOverrides(everythingOf: result.augmentation)
    result.augmentation.secondView = everything
    result.augmentation.localViews.overrides = everything
    return result
  }
}

// MARK: - Laying over

extension ConfigurationFile {
  private mutating func merge(
    _ given: Node, over base: Node?, known: Node, path: [String], name: String, showsLines: Bool = true
  ) throws -> Node {
    func place(_ node: Node) -> String {
      showsLines ? node.mark.map { "\(name), line \($0.line)" } ?? name : name
    }
    let key = path.joined(separator: ".")
    guard let keys = known.mapping else {
      if given.mapping != nil { throw ConfigurationError("\(place(given)): \(key) is a value, not a section of keys") }
      origins[key] = place(given)
      return given
    }
    var merged = base?.mapping ?? [:]
    guard let given = given.mapping else {
      if given.null != nil { return .mapping(merged) }
      let what = path.isEmpty ? "sections of keys at the top" : "\(key) to be a section of keys"
      throw ConfigurationError("\(place(given)): expected \(what), got '\(given.string ?? "a list")'")
    }
    let source = name
    for (keyNode, value) in given {
      let name = keyNode.string ?? ""
      guard let inner = keys[keyNode] else {
        throw ConfigurationError("\(place(keyNode)): \(unknown(path + [name]))")
      }
      merged[keyNode] = try merge(
        value, over: merged[keyNode], known: inner, path: path + [name], name: source, showsLines: showsLines)
    }
    return .mapping(merged)
  }

  private func unknown(_ path: [String]) -> String {
    let key = path.joined(separator: ".")
    let nearest = Self.keys(of: known).min { key.editDistance(to: $0) < key.editDistance(to: $1) }
    return "unknown key '\(key)'; the nearest known one is '\(nearest ?? "")'"
  }

  /// All dotted keys, sections included.
  private static func keys(of node: Node, path: [String] = []) -> [String] {
    guard let mapping = node.mapping else { return [] }
    return mapping.flatMap { keyNode, value -> [String] in
      let inner = path + [keyNode.string ?? ""]
      return [inner.joined(separator: ".")] + keys(of: value, path: inner)
    }
  }
}

// MARK: - Text

extension ConfigurationFile {
  /// A configuration as YAML.
  static func yaml(of configuration: Configuration) throws -> String {
    try Yams.serialize(node: node(of: configuration), mappingStyle: .block)
  }

  /// Every dotted key that has a value, and the value's text, in the order of the file.
  static func values(of configuration: Configuration) throws -> [(key: String, value: String)] {
    func leaves(_ node: Node, _ key: String) -> [(key: String, value: String)] {
      switch node {
      case .mapping(let mapping):
        mapping.flatMap { leaves($1, (key.isEmpty ? "" : key + ".") + ($0.string ?? "")) }
      case .sequence(let sequence): [(key, "[" + sequence.map { $0.string ?? "" }.joined(separator: ", ") + "]")]
      case .scalar, .alias: [(key, node.string ?? "")]
      }
    }
    return leaves(try node(of: configuration), "")
  }

  private static func node(of configuration: Configuration) throws -> Node {
    // Yams keeps the order of keys but rounds numbers; JSON keeps numbers exact but not the order.
    let ordered = try Yams.compose(yaml: YAMLEncoder().encode(configuration)) ?? Node("")
    let exact = try JSONSerialization.jsonObject(with: JSONEncoder().encode(configuration))
    return ordered.withNumbers(of: exact).mappingKeys(\.snakeCased)
  }

  private func describe(_ error: DecodingError) -> ConfigurationError {
    let (context, expected): (DecodingError.Context, String)
    switch error {
    case .typeMismatch(let type, let given): (context, expected) = (given, "expected \(Self.words(for: type))")
    case .valueNotFound(let type, let given): (context, expected) = (given, "expected \(Self.words(for: type))")
    case .dataCorrupted(let given): (context, expected) = (given, given.debugDescription)
    case .keyNotFound(_, let given): (context, expected) = (given, given.debugDescription)
    @unknown default: return ConfigurationError("the configuration cannot be read: \(error)")
    }
    let path = context.codingPath.filter { $0.intValue == nil }.map { $0.stringValue.snakeCased }
    let key = path.joined(separator: ".")
    let value = path.reduce(Optional(values)) { $0?[$1] }
    let got = expected.contains("got ") ? "" : ", got '\(value?.string ?? "a list or section")'"
    return ConfigurationError("\(origins[key] ?? "the configuration"): \(key): \(expected)\(got)")
  }

  private static func words(for type: Any.Type) -> String {
    switch type {
    case is Int.Type: "a whole number"
    case is Double.Type: "a number"
    case is Bool.Type: "true or false"
    case is String.Type: "a word"
    case is any Collection.Type: "a list of numbers"
    default: "another kind of value"
    }
  }
}

extension Node {
  fileprivate func mappingKeys(_ rename: (String) -> String) -> Node {
    guard case .mapping(let mapping) = self else { return self }
    return .mapping(.init(mapping.map { (Node(rename($0.string ?? "")), $1.mappingKeys(rename)) }))
  }

  /// Fractional numbers replaced by those of a JSON object of the same shape, written as people write them.
  fileprivate func withNumbers(of json: Any) -> Node {
    switch self {
    case .mapping(let mapping):
      let object = json as? [String: Any] ?? [:]
      return .mapping(.init(mapping.map { ($0, $1.withNumbers(of: object[$0.string ?? ""] ?? "")) }))
    case .sequence(let sequence):
      let elements = zip(sequence, json as? [Any] ?? []).map { $0.withNumbers(of: $1) }
      return .sequence(.init(elements, .implicit, .flow))
    case .scalar:
      guard int == nil, bool == nil, float != nil, let number = json as? Double else { return self }
      return Node("\(number)")
    case .alias: return self
    }
  }
}

extension YamlError {
  fileprivate var firstLine: String {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): \(problem)"
    default: String("\(self)".prefix { $0 != "\n" })
    }
  }
}

extension String {
  fileprivate var snakeCased: String {
    reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
  }

  fileprivate var camelCased: String {
    let parts = split(separator: "_")
    return parts.dropFirst().reduce(String(parts.first ?? "")) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
  }

  /// How many letters must be inserted, removed or replaced to come to `other` (Levenshtein).
  fileprivate func editDistance(to other: String) -> Int {
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
