extension Double {
  /// The number as people read it: NaN is called so whatever its sign.
  package var words: String {
    isNaN ? "NaN" : isFinite ? "\(self)" : self > 0 ? "infinity" : "-infinity"
  }
}
