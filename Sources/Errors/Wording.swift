/// A text that may speak of settings, whose names are put in when it is shown.
///
/// ```
/// "\(name: .globalBatch) of 30"                     // "training.global_batch_size of 30", or "the global batch of 30"
/// "choose another folder\(hint: .runFolder)"        // "choose another folder (--output)", or "choose another folder"
/// "the same\(ifNamed: .resuming, after: " and ")"   // "the same and --resume", or "the same"
/// ```
public struct Wording: Equatable, Sendable {
  fileprivate enum Part: Codable, Equatable, Sendable {
    case text(String)
    /// Its name, or else what it is.
    case name(Setting)
    /// Its name with what stands around it, or else nothing.
    case nameIfAny(before: String, Setting, after: String)
  }

  /// No two texts one after the other, and none that is empty.
  private let parts: [Part]

  /// A text that speaks of no setting.
  public init(_ text: String) { self.init(parts: [.text(text)]) }

  private init(parts: [Part]) {
    self.parts = parts.reduce(into: []) { parts, part in
      switch (parts.last, part) {
      case (_, .text("")): break
      case (.text(let before), .text(let text)): parts[parts.count - 1] = .text(before + text)
      default: parts.append(part)
      }
    }
  }

  /// Whether it says nothing.
  public var isEmpty: Bool { parts.isEmpty }

  /// The text.
  ///
  /// - Parameter naming: the key or flag of a setting; nil where it has none.
  public func text(naming: (Setting) -> String? = { _ in nil }) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .name(let setting): naming(setting) ?? setting.rawValue
      case .nameIfAny(let before, let setting, let after): naming(setting).map { before + $0 + after } ?? ""
      }
    }.joined()
  }

  /// The same with the settings named for which there are names.
  public func named(_ naming: (Setting) -> String?) -> Wording {
    Wording(
      parts: parts.map { part in
        switch part {
        case .text: part
        case .name(let setting): naming(setting).map(Part.text) ?? part
        case .nameIfAny(let before, let setting, let after):
          naming(setting).map { .text(before + $0 + after) } ?? part
        }
      })
  }
}

extension Wording {
  /// One after the other.
  public static func + (first: Wording, second: Wording) -> Wording {
    Wording(parts: first.parts + second.parts)
  }
}

extension Wording: Codable {
  /// A text, where it speaks of no setting; else a list of parts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch parts.first {
    case nil: try container.encode("")
    case .text(let text) where parts.count == 1: try container.encode(text)
    default: try container.encode(parts)
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self.init(text)
    } else {
      self.init(parts: try container.decode([Part].self))
    }
  }
}

extension Wording: ExpressibleByStringInterpolation {
  /// Collects the parts of a literal.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var parts: [Part] = []

    public init(literalCapacity: Int, interpolationCount: Int) {}

    public mutating func appendLiteral(_ literal: String) { parts.append(.text(literal)) }

    public mutating func appendInterpolation(_ value: some Any) { parts.append(.text("\(value)")) }

    public mutating func appendInterpolation(_ wording: Wording) { parts += wording.parts }

    /// The name of a setting, or else what it is.
    public mutating func appendInterpolation(name setting: Setting) { parts.append(.name(setting)) }

    /// The name of a setting in parentheses, or else nothing.
    public mutating func appendInterpolation(hint setting: Setting) {
      appendInterpolation(ifNamed: setting, after: " (", before: ")")
    }

    /// The name of a setting with what stands around it, or else nothing.
    ///
    /// - Parameters:
    ///   - first: what the name stands after.
    ///   - last: what it stands before.
    public mutating func appendInterpolation(ifNamed setting: Setting, after first: String, before last: String = "") {
      parts.append(.nameIfAny(before: first, setting, after: last))
    }
  }

  public init(stringLiteral text: String) { self.init(text) }

  public init(stringInterpolation: StringInterpolation) { self.init(parts: stringInterpolation.parts) }
}
