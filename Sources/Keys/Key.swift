import Yams

/// A key of the configuration: the one place that says where its value is kept, what it may be, and what it does.
///
/// A declaration reads like a row of a table. The default is the value that the plain struct begins with:
/// ```
/// Key("epochs", \.epochs, .atLeast(1), "How often every image is seen.")
/// Key("threads", \.threads, .from(0, to: 1024, [0: "all cores"]), scope: .process, typedAs: ["workers"], "Threads.")
/// ```
public struct Key<Root>: Sendable {
  /// In snake case; from ``Section/keys`` with its sections before it: `training.epochs`.
  public internal(set) var name: String
  /// What the key does, in a sentence or a few.
  public let text: String
  public let scope: Scope
  /// Whether it sets others, too, and is therefore read before those that stand beside it.
  public let setsOthers: Bool
  /// What people type who know the key by another name; understood in hints, refused as keys.
  public let synonyms: [String]
  public let type: ValueType
  /// What the value must be: `at least 1`.
  public let expectation: String
  /// Whether it may be left out and then has no value.
  public let isOptional: Bool
  /// Values at the edges of what is allowed, as they are written: for tests.
  public let allowedAtEdges: [String]
  /// Values just beyond the edges, as they are written: for tests.
  public let refusedAtEdges: [String]

  /// When it counts at all.
  var uses: [Use<Root>] = []

  let path: KeyIdentity
  /// Puts a value in its place; false where the text is of another type.
  let read: @Sendable (Node, inout Root) -> Bool
  /// The value as YAML; nil where the key is left out.
  let written: @Sendable (Root) -> String?
  /// What was expected, where the value is not allowed.
  let expected: @Sendable (Root) -> String?

  /// - Parameters:
  ///   - name: in snake case, without the section.
  ///   - path: where the value is kept; what it begins with is the default.
  ///   - domain: the values it may have.
  ///   - setsOthers: whether it sets others, too, which then lie over it wherever they are given.
  ///   - synonyms: other names that people type.
  ///   - text: what the key does; breaks of lines are spaces.
  public init<Value: Sendable>(
    _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ domain: Domain<Value>, scope: Scope = .run,
    setsOthers: Bool = false, typedAs synonyms: [String] = [], _ text: String
  ) {
    (self.name, self.scope, self.setsOthers, self.synonyms) = (name, scope, setsOthers, synonyms)
    self.text = text.split(separator: "\n").joined(separator: " ")
    (type, expectation, isOptional) = (domain.type, domain.expectation, domain.isOptional)
    (allowedAtEdges, refusedAtEdges) = (domain.allowedAtEdges, domain.refusedAtEdges)
    self.path = KeyIdentity(path)
    read = { node, root in
      guard let value = domain.read(node) else { return false }
      root[keyPath: path] = value
      return true
    }
    written = { domain.write($0[keyPath: path]) }
    expected = { domain.expected($0[keyPath: path]) }
  }

  /// A key that is `true` or `false`.
  public init(
    _ name: String, _ path: WritableKeyPath<Root, Bool> & Sendable, scope: Scope = .run,
    typedAs synonyms: [String] = [], _ text: String
  ) {
    self.init(name, path, .trueOrFalse, scope: scope, typedAs: synonyms, text)
  }

  /// A key that is one of the words of an enumeration.
  public init<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String, _ path: WritableKeyPath<Root, Choice> & Sendable, scope: Scope = .run, setsOthers: Bool = false,
    typedAs synonyms: [String] = [], _ text: String
  ) {
    self.init(name, path, .choice, scope: scope, setsOthers: setsOthers, typedAs: synonyms, text)
  }

  /// The same key of what holds a `Root`.
  public func within<Parent>(_ parent: WritableKeyPath<Parent, Root> & Sendable) -> Key<Parent> {
    Key<Parent>(self, within: parent)
  }

  private init<Child>(_ key: Key<Child>, within parent: WritableKeyPath<Root, Child> & Sendable) {
    (name, text, scope, synonyms) = (key.name, key.text, key.scope, key.synonyms)
    setsOthers = key.setsOthers
    (type, expectation, isOptional) = (key.type, key.expectation, key.isOptional)
    (allowedAtEdges, refusedAtEdges) = (key.allowedAtEdges, key.refusedAtEdges)
    path = key.path.within(parent)
    uses = key.uses.map { $0.within(parent) }
    read = { key.read($0, &$1[keyPath: parent]) }
    written = { key.written($0[keyPath: parent]) }
    expected = { key.expected($0[keyPath: parent]) }
  }
}

extension Key {
  /// What is wrong with its value.
  func fault(in root: Root) -> Fault? {
    guard let expected = expected(root) else { return nil }
    let value = written(root) ?? ""
    return Fault(expected: expected, got: type == .text ? "'\(value)'" : value)
  }
}

/// What was expected of a value, and what came.
public struct Fault: Equatable, Sendable {
  public var expected: String
  public var got: String

  public init(expected: String, got: String) { (self.expected, self.got) = (expected, got) }
}

/// Where a key's value is kept: tells keys apart. Key paths without arguments never change, so that threads can share them.
struct KeyIdentity: Hashable, @unchecked Sendable {
  private let path: AnyKeyPath

  init(_ path: AnyKeyPath) { self.path = path }

  func within<Parent, Root>(_ parent: WritableKeyPath<Parent, Root>) -> KeyIdentity {
    KeyIdentity((parent as AnyKeyPath).appending(path: path)!)
  }
}
