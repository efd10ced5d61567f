/// What must hold between several keys.
public struct Rule<Root>: Sendable {
  /// For documentation: `at least crop_scale_minimum`.
  public let text: String
  /// The key that messages name, then those that it depends on.
  let paths: [KeyIdentity]
  let fault: @Sendable (Root) -> Fault?

  /// - Parameters:
  ///   - key: the one that messages name.
  ///   - others: those that it depends on.
  ///   - text: what must hold, for documentation.
  ///   - fault: what is wrong where it does not.
  public init(
    about key: PartialKeyPath<Root>, and others: PartialKeyPath<Root>..., text: String,
    fault: @escaping @Sendable (Root) -> Fault?
  ) {
    self.init(paths: ([key] + others).map { KeyIdentity($0) }, text: text, fault: fault)
  }

  init(paths: [KeyIdentity], text: String, fault: @escaping @Sendable (Root) -> Fault?) {
    (self.paths, self.text, self.fault) = (paths, text, fault)
  }

  /// The same rule in what holds a `Root`.
  public func within<Parent>(_ parent: WritableKeyPath<Parent, Root> & Sendable) -> Rule<Parent> {
    Rule<Parent>(paths: paths.map { $0.within(parent) }, text: text, fault: { [fault] in fault($0[keyPath: parent]) })
  }
}
