import Foundation

/// What there is to know about a key, for people and programs.
public struct KeyReference: Encodable, Equatable, Sendable {
  /// The full one: `training.epochs`.
  public let name: String
  /// What its value must be.
  public let values: String
  /// The words it may be, if it is one of a few.
  public let choices: [String]?
  /// As YAML; absent where the key is left out.
  public let defaultValue: String?
  public let scope: Scope
  public let text: String
  /// What must hold between it and other keys.
  public let rules: [String]
  /// Other names, which hints understand.
  public let synonyms: [String]

  private enum CodingKeys: String, CodingKey {
    case name, values, choices, scope, text, rules, synonyms
    case defaultValue = "default"
  }
}

extension Section {
  /// Every key, in the order of the file.
  ///
  /// - Parameters:
  ///   - defaults: what keys are when nobody says anything.
  ///   - topic: only the key of this name, or those of this section.
  /// - Throws: ``ConfigurationError`` with the nearest key where there is no such key or section.
  public func reference(defaults: Root, topic: String? = nil) throws -> [KeyReference] {
    if let topic, self[topic] == nil { throw ConfigurationError(unknown(topic)) }
    return keys.filter { key in topic.map { key.name == $0 || key.name.hasPrefix($0 + ".") } ?? true }
      .map { reference(to: $0, defaults) }
  }

  private func reference(to key: Key<Root>, _ defaults: Root) -> KeyReference {
    KeyReference(
      name: key.name, values: key.expectation, choices: key.choices, defaultValue: key.written(defaults),
      scope: key.scope, text: key.text,
      rules: rules.filter { $0.paths[0] == key.path }.map(\.text)
        + key.uses.map { "counts only with `\(name(of: $0.path))` \($0.values)" },
      synonyms: key.synonyms)
  }

  /// The sections within this one, with what they are about, in the order of the file.
  var sectionTexts: [(name: String, text: String)] {
    entries.flatMap { entry -> [(name: String, text: String)] in
      guard case .section(let section) = entry else { return [] }
      return [(section.name, section.text)] + section.sectionTexts.map { ("\(section.name).\($0.name)", $0.text) }
    }
  }
}

extension Key {
  fileprivate var choices: [String]? { if case .choice(let words) = type { words } else { nil } }
}

// MARK: - For people

extension Section {
  /// The reference as a text of 100 columns.
  ///
  /// - Throws: as ``reference(defaults:topic:)``.
  public func referenceText(defaults: Root, topic: String? = nil) throws -> String {
    let references = try reference(defaults: defaults, topic: topic)
    var lines: [String] = []
    for group in references.bySection {
      if let text = sectionTexts.first(where: { $0.name == group.section })?.text {
        lines += ["\(group.section):"] + text.wrapped(indent: 2) + [""]
      }
      for reference in group.keys { lines += reference.lines + [""] }
    }
    return lines.dropLast().joined(separator: "\n")
  }

  /// The reference as Markdown: a table for every section.
  public func markdown(defaults: Root) -> String {
    keys.map { reference(to: $0, defaults) }.bySection.map { group in
      let text = sectionTexts.first { $0.name == group.section }?.text ?? ""
      let rows = group.keys.map { "| \($0.cells.joined(separator: " | ")) |" }
      let head = "| key | default | values | |\n| --- | --- | --- | --- |"
      return "## `\(group.section)`\n\n\(text)\n\n\(head)\n\(rows.joined(separator: "\n"))\n"
    }.joined(separator: "\n")
  }
}

extension KeyReference {
  private var section: String { String(name[..<(name.lastIndex(of: ".") ?? name.startIndex)]) }

  fileprivate static func section(of reference: KeyReference) -> String { reference.section }

  fileprivate var lines: [String] {
    let facts = [values] + rules + [defaultValue.map { "\($0) by default" } ?? "left out by default", scope.words]
    return ["  \(name)"] + (facts.joined(separator: "; ") + ".").wrapped(indent: 6) + text.wrapped(indent: 6)
  }

  /// Of a row in a table.
  fileprivate var cells: [String] {
    let words = scope.words
    let mark = scope == .run ? "" : " _\(words.prefix(1).uppercased())\(words.dropFirst())._"
    return [
      "`\(name.dropFirst(section.count + 1))`", defaultValue.map { "`\($0)`" } ?? "",
      ([values] + rules).joined(separator: "; "),
      text + mark,
    ].map { $0.replacingOccurrences(of: "|", with: "\\|") }
  }
}

extension [KeyReference] {
  /// Keys of one section, without those of sections within it; a section that goes on after one comes only once.
  fileprivate var bySection: [(section: String, keys: [KeyReference])] {
    var groups: [(section: String, keys: [KeyReference])] = []
    for reference in self {
      let section = KeyReference.section(of: reference)
      if let index = groups.firstIndex(where: { $0.section == section }) {
        groups[index].keys.append(reference)
      } else {
        groups.append((section, [reference]))
      }
    }
    return groups
  }
}

extension String {
  /// In lines of up to 100 columns.
  fileprivate func wrapped(indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var lines = [margin]
    for word in split(separator: " ") {
      if lines.last!.count > indent && lines.last!.count + 1 + word.count > 100 { lines.append(margin) }
      lines[lines.count - 1] += (lines.last!.count > indent ? " " : "") + word
    }
    return lines
  }
}
