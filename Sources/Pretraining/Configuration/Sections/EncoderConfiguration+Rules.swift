import Augmentation
import Encoders
import Keys

extension EncoderConfiguration {
  /// What can be set only of encoders that have it.
  static var rules: [Rule<Self>] {
    [
      needs(.stem, \.stem, "auto") { $0.stem == .auto ? nil : $0.stem.rawValue },
      needs(.residualScales, \.zeroInitializeResiduals, "false") { $0.zeroInitializeResiduals ? "true" : nil },
      needs(.stochasticDepth, \.stochasticDepth, "0") { $0.stochasticDepth > 0 ? "\($0.stochasticDepth)" : nil },
      needs(.dropout, \.dropout, "0") { $0.dropout > 0 ? "\($0.dropout)" : nil },
      needs(.patches, \.patchSize, "0") { $0.patchSize > 0 ? "\($0.patchSize)" : nil },
      needs(.patches, \.pooling, "token") { $0.pooling == .token ? nil : $0.pooling.rawValue },
      needs(.patches, \.positions, "learned") { $0.positions == .learned ? nil : $0.positions.rawValue },
      needs(.patches, \.freezePatchProjection, "false") { $0.freezePatchProjection ? "true" : nil },
    ]
  }

  /// - Parameter value: what was set; nil where it is the default.
  private static func needs<Value>(
    _ trait: EncoderArchitecture.Trait, _ key: KeyPath<Self, Value> & Sendable, _ standard: String,
    _ value: @escaping @Sendable (Self) -> String?
  ) -> Rule<Self> {
    Rule(about: key, and: \.architecture, text: "`\(standard)` but for \(trait.owners)") { encoder in
      guard !encoder.architecture.traits.contains(trait), let value = value(encoder) else { return nil }
      return Fault(
        expected:
          "\(standard) with encoder.architecture \(encoder.architecture.name), for only \(trait.owners) have it",
        got: value)
    }
  }
}

extension EncoderArchitecture.Trait {
  /// Who has it, in words.
  fileprivate var owners: String {
    switch self {
    case .stem: "ResNets, ConvNeXts and EfficientNets"
    case .residualScales: "ResNets"
    case .stochasticDepth: "ConvNeXts, EfficientNets and vision transformers"
    case .dropout: "EfficientNets and vision transformers"
    case .patches: "vision transformers"
    }
  }
}

extension Configuration {
  /// Patches divide the views, of whichever kind they are.
  static let patchesDivideViews = [
    patchDivides(\.augmentation.imageSize, "augmentation.image_size") { $0.augmentation.imageSize },
    patchDivides(\.augmentation.localViews.imageSize, "augmentation.local_views.image_size") {
      $0.augmentation.localViews.count > 0 ? $0.augmentation.localViews.imageSize : nil
    },
  ]

  private static func patchDivides(
    _ key: PartialKeyPath<Configuration> & Sendable, _ name: String,
    _ size: @escaping @Sendable (Configuration) -> Int?
  ) -> Rule<Configuration> {
    Rule(about: \.encoder.patchSize, and: key, text: "a divisor of `\(name)` with a vision transformer") {
      configuration in
      let patch = configuration.encoder.patchSize(forImagesOf: configuration.augmentation.imageSize)
      guard configuration.encoder.architecture.traits.contains(.patches), let size = size(configuration),
        !size.isMultiple(of: patch)
      else { return nil }
      return Fault(expected: "a divisor of \(name) (\(size))", got: "\(patch)")
    }
  }
}
