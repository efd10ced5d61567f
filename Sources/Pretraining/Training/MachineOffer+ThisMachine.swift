extension MachineOffer {
  /// What this machine offers to a training. A device is asked only for what the training leaves open.
  ///
  /// - Throws: `ConfigurationError` when the device of an open precision is not there.
  static func here(to training: TrainingConfiguration) throws -> MachineOffer {
    let precision = training.precision
    return MachineOffer(fastestPrecision: precision == .auto ? .fastest(on: try training.firstDevice()) : precision)
  }
}

extension Configuration {
  /// Fills in what was left open, for the machine that this process runs on.
  ///
  /// - Throws: `ConfigurationError` when the device is not there.
  public func resolved() throws -> ResolvedConfiguration { resolved(for: try .here(to: training)) }
}
