extension Section {
  /// Values as YAML text, every key written out, numbers exactly.
  public func yaml(of values: Root) -> String { lines(of: values).map { $0 + "\n" }.joined() }

  private func lines(of values: Root) -> [String] {
    entries.flatMap { entry -> [String] in
      switch entry {
      case .key(let key): return key.written(values).map { ["\(key.name): \($0)"] } ?? []
      case .section(let section):
        let inner = section.lines(of: values).map { "  " + $0 }
        return inner.isEmpty ? ["\(section.name): {}"] : ["\(section.name):"] + inner
      }
    }
  }

  /// The full names of all keys that have a value, with it.
  ///
  /// - Parameter scopes: which keys.
  public func written(_ values: Root, scopes: Set<Scope> = Set(Scope.allCases)) -> [(name: String, value: String)] {
    keys.filter { scopes.contains($0.scope) }.compactMap { key in key.written(values).map { (key.name, $0) } }
  }

  /// The keys that differ; a value is nil where a key is left out.
  ///
  /// - Parameter scopes: which keys.
  public func differences(between old: Root, and new: Root, scopes: Set<Scope>) -> [Difference] {
    keys.filter { scopes.contains($0.scope) }.compactMap { key in
      let (before, now) = (key.written(old), key.written(new))
      return before == now ? nil : Difference(name: key.name, old: before, new: now)
    }
  }
}

/// A key with two values.
public struct Difference: Equatable, Sendable {
  public let name: String
  public let old: String?
  public let new: String?

  public init(name: String, old: String?, new: String?) { (self.name, self.old, self.new) = (name, old, new) }
}

extension Section {
  /// The names of the keys of some scopes, shortly: `output, data (but data.split), training.device`. A section stands for all
  /// of its keys where more of them belong than not.
  public func summary(of scopes: Set<Scope>) -> String {
    entries.flatMap { entry -> [String] in
      switch entry {
      case .key(let key): return scopes.contains(key.scope) ? [key.name] : []
      case .section(let section):
        let inner = section.keys.filter { scopes.contains($0.scope) }.map { "\(section.name).\($0.name)" }
        let outer = section.keys.filter { !scopes.contains($0.scope) }.map { "\(section.name).\($0.name)" }
        guard inner.count > outer.count else { return inner }
        return [section.name + (outer.isEmpty ? "" : " (but \(outer.joined(separator: " and ")))")]
      }
    }.joined(separator: ", ")
  }
}
