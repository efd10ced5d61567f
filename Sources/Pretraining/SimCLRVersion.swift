/// The version of this program and its libraries: what `simclr --version` prints, checkpoints and metrics carry, processes
/// agree on before they train together, and the newest entry of `CHANGELOG.md` (`make check` compares them).
public enum SimCLRVersion {
  /// By semantic versioning.
  public static let current = "0.2.0"
}
