import Keys

extension ResolvedConfiguration {
  /// Confirms that a run started with `original` can go on with this configuration: only what does not change the result
  /// may differ.
  ///
  /// - Throws: ``RunError`` naming the keys that differ, and those that may.
  func confirmContinues(_ original: ResolvedConfiguration) throws {
    let keys = Configuration.keys
    let differences = keys.differences(between: original.configuration, and: configuration, scopes: [.run])
    guard !differences.isEmpty else { return }
    guard differences.map(\.name) != ["training.epochs"] else {
      throw RunError(
        """
        training.epochs is \(configuration.training.epochs) now and was \(original.configuration.training.epochs) then: the learning rate follows all \
        epochs of a run, so that one of another number is another run
        start it in another folder with the weights of this one\(hint: .weightsOfAnother), which begins the schedule anew
        """ as Wording, isWrongUsage: true)
    }
    let list = differences.map { difference in
      "\(difference.name) is \(difference.new ?? "not given") now and was \(difference.old ?? "not given") then"
    }
    throw RunError(
      """
      the configuration is not the one the run was started with (\(list.joined(separator: "; "))): resume with that one, \
      or start another run
      a resumed run may change \(keys.summary(of: [.session, .process]))
      """, isWrongUsage: true)
  }

  /// What all processes of a run must agree on: the names of keys with their values.
  var sharedValues: [(name: String, value: String)] {
    Configuration.keys.written(configuration, scopes: [.run, .session])
  }
}
