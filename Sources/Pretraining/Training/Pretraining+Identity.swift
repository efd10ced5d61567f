import DataSets

extension Pretraining {
  /// Confirms that the images are those that a checkpoint was trained on; where they lie may have changed.
  ///
  /// - Throws: ``RunError`` saying what differs and which key chooses other images.
  func confirmSameImages(as position: Checkpoint.Position) throws {
    let difference: String
    if position.dataSetCount != prepared.dataSet.count {
      difference = "there are \(prepared.dataSet.count) now and were \(position.dataSetCount) then"
    } else if let then = position.data, let what = prepared.fingerprint.difference(from: then) {
      difference = what
    } else {
      return
    }
    throw RunError(
      "the images are not those that the run was started with: \(difference) (\(try whatChoosesOthers())). Resume with the same images, or start another run",
      isWrongUsage: true)
  }

  /// Which key is not what it was when the run was started.
  private func whatChoosesOthers() throws -> String {
    let (now, then) = (configuration.data, try run.configuration().data)
    let keys = [
      ("data.split", now.split.rawValue, then.split.rawValue), ("data.classes", now.classes, then.classes),
      ("data.subset", now.subset, then.subset), ("data.image_key", now.imageKey, then.imageKey),
    ]
    let changed = keys.filter { $1 != $2 }.map { "\($0) is '\($1)' now and was '\($2)' then" }
    return changed.isEmpty ? "data.path is \(now.path)" : changed.joined(separator: ", ")
  }
}
