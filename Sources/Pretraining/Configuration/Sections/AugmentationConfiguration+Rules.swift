import Augmentation
import Keys

extension AugmentationConfiguration {
  /// What must hold between the settings of a view, for every kind of view.
  static var viewRules: [Rule<Self>] {
    rules(at: \.path, of: { $0 })
      + rules(at: { (\Self.secondView).appending(path: $0.override) }, of: { $0.secondView.applied(to: $0) })
      + rules(
        at: { (\Self.localViews.overrides).appending(path: $0.override) },
        of: { $0.localViews.overrides.applied(to: $0) })
  }

  /// - Parameters:
  ///   - place: where a kind of view has a setting for itself.
  ///   - view: the settings that hold for that kind, its own and the first view's.
  private static func rules(
    at place: (ViewSetting) -> PartialKeyPath<Self>, of view: @escaping @Sendable (Self) -> Self
  ) -> [Rule<Self>] {
    func ordered(
      _ least: KeyPath<Self, Double> & Sendable, _ greatest: KeyPath<Self, Double> & Sendable
    ) -> Rule<Self> {
      let name = ViewSetting[least].key.name
      return Rule(
        about: place(ViewSetting[greatest]), and: place(ViewSetting[least]), text: "at least `\(name)`"
      ) { configuration in
        let (least, greatest) = (view(configuration)[keyPath: least], view(configuration)[keyPath: greatest])
        guard least > greatest else { return nil }
        return Fault(expected: "at least \(name), which is \(least)", got: "\(greatest)")
      }
    }
    return [
      ordered(\.cropScaleMinimum, \.cropScaleMaximum),
      ordered(\.cropAspectRatioMinimum, \.cropAspectRatioMaximum),
      Rule(
        about: place(ViewSetting[\.jitterHue]), and: place(ViewSetting[\.jitterStrength]),
        text: "times `jitter_strength` at most 0.5"
      ) { configuration in
        let view = view(configuration)
        guard view.jitterHue * view.jitterStrength > 0.5 else { return nil }
        return Fault(
          expected: "at most 0.5 after multiplying by jitter_strength", got: "\(view.jitterHue * view.jitterStrength)")
      },
      ordered(\.blurSigmaMinimum, \.blurSigmaMaximum),
      ordered(\.erasingScaleMinimum, \.erasingScaleMaximum),
      ordered(\.erasingAspectRatioMinimum, \.erasingAspectRatioMaximum),
    ]
  }
}
