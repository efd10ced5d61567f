/// For what a key has one value.
public enum Scope: String, CaseIterable, Encodable, Sendable {
  /// For a whole run: it changes what is computed, so that a resumed run keeps it and all processes have the same.
  case run
  /// Until the run is stopped: a resumed run may have another, but all processes have the same.
  case session
  /// For one process: a matter of its machine, which changes nothing that is computed.
  case process

  /// The same in a few words.
  public var words: String {
    switch self {
    case .run: "fixed for a run"
    case .session: "a resumed run may change it"
    case .process: "a resumed run may change it, and each process may have its own"
    }
  }
}
