import Randomness

extension Features {
  /// Marks the random numbers that hold images out, apart from others of the same seed.
  private static let stream: UInt32 = 0x686F_6C64

  /// Splits train images into those that teach and those that hyperparameters are chosen on: of every class a tenth, at least
  /// one where it has two or more, so that nothing has to be chosen on test images.
  ///
  /// - Parameter seed: decides which; the same features and seed give the same split.
  /// - Throws: ``EvaluationError`` when fewer than two classes would teach, or none could be chosen on.
  func holdingOut(seed: UInt64) throws -> (teaching: Features, heldOut: Features) {
    try requireTrainable()
    var rowsOfClass: [Int: [Int]] = [:]
    for (row, label) in labels.enumerated() { rowsOfClass[label, default: []].append(row) }
    var held = Set<Int>()
    for (label, rows) in rowsOfClass where rows.count > 1 {
      var generator = PhiloxGenerator(seed: seed, epoch: 0, sample: label, stream: Self.stream)
      var rows = rows
      for place in 0..<max(1, rows.count / 10) {
        rows.swapAt(place, place + generator.integer(below: rows.count - place))
        held.insert(rows[place])
      }
    }
    guard !held.isEmpty else {
      throw EvaluationError(
        "nothing can be chosen on a part of the train images, for no class has two of them: give the values instead")
    }
    return (rows(labels.indices.filter { !held.contains($0) }), rows(held.sorted()))
  }

  private func rows(_ rows: [Int]) -> Features { selecting(rows.map { sampleIndices[$0] }) }
}
