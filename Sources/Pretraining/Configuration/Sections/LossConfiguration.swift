import Keys

/// Section `loss`, which ``section`` documents key by key.
public struct LossConfiguration: Equatable, Sendable {
  /// Whether the positive pair is left out of the sum that it is told from.
  public enum Decoupling: String, CaseIterable, Sendable {
    case none, dcl, dclw
  }

  public var temperature = 0.5
  public var decoupled = Decoupling.none
  public var sigma = 0.5

  /// The defaults.
  public init() {}
}

extension LossConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("loss", "NT-Xent, SimCLR's loss.") {
    Key(
      "temperature", \.temperature, .above(0), typedAs: ["tau", "τ", "temp", "t"],
      "The temperature τ that divides similarities.")
    Key(
      "decoupled", \.decoupled, typedAs: ["decoupling", "dcl"],
      """
      Whether the positive pair is left out of the sum that it is told from, for small batches: `dcl`, and with `dclw` pairs count
      the less the more alike they are.
      """)
    Key(
      "sigma", \.sigma, .above(0), typedAs: ["σ", "dclw_sigma"],
      "How quickly the weights of `dclw` change with the similarity, σ.")
  }
}
