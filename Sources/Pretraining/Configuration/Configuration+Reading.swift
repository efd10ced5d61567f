import Foundation
import Keys
import Launching
import Torch

extension Configuration {
  /// The longest text that is read. All keys together take a few thousand bytes.
  private static let maximumByteCount = 1 << 20

  /// Reads a YAML file and lays `overrides` of the form `section.key=value` over it.
  ///
  /// - Throws: `ConfigurationError` naming file, line and key.
  public init(contentsOf url: URL, overrides: [String] = []) throws {
    let bytes: Data?
    do {
      bytes = try StoredFile.contents(of: url, atMost: Self.maximumByteCount)
    } catch let error as TorchError {
      throw ConfigurationError(error.description)
    }
    guard let bytes else { throw ConfigurationError("cannot read the configuration \(url.path): no such file") }
    guard let text = String(data: bytes, encoding: .utf8) else {
      throw ConfigurationError("\(url.path) is not a text file in UTF-8")
    }
    try self.init(yaml: text, name: url.lastPathComponent, overrides: overrides)
  }

  /// Reads a YAML text that messages call `name`, and lays `overrides` over it.
  ///
  /// - Throws: `ConfigurationError` naming line and key.
  public init(yaml: String, name: String = "configuration", overrides: [String] = []) throws {
    var reading = Reading(Self.keys, over: Configuration())
    try reading.lay(yaml: yaml, name: name)
    try reading.lay(overrides: overrides)
    self = try reading.checked()
  }

  /// Names the keys that say something else than their defaults and do not count, since another method or optimizer was
  /// chosen than they belong to; nil where there are none.
  public var unusedKeys: String? { Self.keys.unused(in: self, defaults: Configuration()) }

  /// The configuration as YAML text, every key written out.
  public func yaml() -> String { Self.keys.yaml(of: self) }
}

extension ConfigurationError {
  /// Something is wrong with the value of a key, whose name stands before `problem`.
  init(_ key: PartialKeyPath<Configuration>, _ problem: Wording, advice: Wording? = nil) {
    self.init("\(Configuration.keys.name(of: key)): \(problem)", advice: advice)
  }

  /// The value of a key is not what was expected.
  init(_ key: PartialKeyPath<Configuration>, expected: Wording, got: String? = nil, advice: Wording? = nil) {
    self.init("\(Configuration.keys.name(of: key))", expected: expected, got: got, advice: advice)
  }

  /// What a lower floor says of the value of a key.
  init(_ key: PartialKeyPath<Configuration>, _ error: any ExplainedError) {
    self.init(error.explanation.about("\(Configuration.keys.name(of: key))").named(Configuration.name(of:)))
  }
}
