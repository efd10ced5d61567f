/// The version of this program and its libraries.
public enum SimCLRVersion {
  /// By semantic versioning.
  public static let current = "0.1.0"
}
