import Encoders
import Keys

/// Section `cmc`, which ``section`` documents key by key.
public struct CMCConfiguration: Equatable, Sendable {
  public var temperature = 0.07

  /// The defaults.
  public init() {}
}

extension CMCConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "cmc",
    """
    What CMC has besides the projection heads. Section `encoder` describes each of its two networks, one for lightness and one for
    colors; features of both are joined.
    """
  ) {
    Key("temperature", \.temperature, .above(0), typedAs: ["nce_t"], "The temperature τ that divides similarities.")
  }
}

extension Configuration {
  static let cmcDividesAResNet = Rule<Configuration>(
    about: \.encoder.architecture, and: \.method.name, text: "a ResNet with `cmc`"
  ) { configuration in
    configuration.method.name == .cmc ? configuration.faultUnlessResNet : nil
  }

  /// What is wrong with an encoder that is no ResNet.
  var faultUnlessResNet: Fault? {
    let name = encoder.architecture.name
    guard ResNet.Architecture(rawValue: name) == nil else { return nil }
    return Fault(expected: "a ResNet with method.name=\(method.name.rawValue)", got: name)
  }
}
