import Keys

/// What there is to know about the keys of a configuration: a reference for people and programs, made from their
/// declarations.
public struct ConfigurationReference: Encodable, Sendable {
  public let keys: [KeyReference]
  /// For people, in lines of 100 columns.
  public let text: String

  private enum CodingKeys: CodingKey {
    case keys
  }

  /// - Parameter topics: names of sections and keys; none: everything.
  /// - Throws: `ConfigurationError` with the nearest key where there is none of such a name.
  public init(of topics: [String] = []) throws {
    let (declared, defaults) = (Configuration.keys, Configuration())
    let topics: [String?] = topics.isEmpty ? [nil] : topics
    keys = try topics.flatMap { try declared.reference(defaults: defaults, topic: $0) }
    text = try topics.map { try declared.referenceText(defaults: defaults, topic: $0) }.joined(separator: "\n\n")
  }

  /// Docs/Configuration.md, less its last newline.
  public static var markdown: String {
    """
    # Configuration

    A configuration is a YAML file of sections with keys. Every key may be left out and then has its default; one that does
    not exist is refused with the nearest one that does. On the command line `section.key=value` goes on top of the file:

    ```
    simclr pretrain CONFIG.yaml optimizer.learning_rate=0.1 training.epochs=20 --output RUN
    ```

    Some keys count only beside a value of another, such as a method's own. One that says something else than its default where
    it does not count is named when training begins (`not used: …`); it is not refused, for one file may serve several methods.

    A run keeps the configuration that it was started with, with every key written out, as `RUN/config.yaml`; that file alone
    reproduces it. A resumed run has the same values, but for keys of which the tables say that it may change them.

    `simclr pretrain --keys [SECTION|KEY]` prints what stands here; this file is its `--markdown`.

    \(Configuration.keys.markdown(defaults: Configuration()))
    """
  }
}
