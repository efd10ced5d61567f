import Foundation

extension Checkpoint.Position {
  /// The longest text that is read: a position takes some three hundred bytes.
  static let maximumByteCount = 1 << 16

  /// Reads what a checkpoint's `state.json` says.
  ///
  /// - Throws: ``RunError`` when it says no position. That it is one of the run's is another question
  ///   (``isPossible(batchesPerEpoch:epochs:)``).
  package init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard json.count <= Self.maximumByteCount, let position = try? decoder.decode(Self.self, from: json) else {
      throw RunError("state.json says no position")
    }
    self = position
  }

  /// The text of `state.json`, with the version of the program that writes it.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(Written(position: self))
  }

  /// A position among what else is written with it.
  private struct Written: Encodable {
    let position: Checkpoint.Position

    private enum CodingKeys: CodingKey {
      case programVersion
    }

    func encode(to encoder: any Encoder) throws {
      try position.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(SimCLRVersion.current, forKey: .programVersion)
    }
  }
}

extension Checkpoint.Position {
  /// Goes past a step.
  mutating func count(_ verdict: StepVerdict) {
    step += 1
    batch += 1
    if verdict.loss.isFinite { epochLossSum += verdict.loss }
    if verdict.isFinite {
      skips?.inARow = 0
    } else {
      var skips = self.skips ?? .init()
      skips.inARow += 1
      if !verdict.loss.isFinite { skips.withoutLoss += 1 }
      self.skips = skips
    }
  }

  /// Over the batches of the epoch so far that had a loss; not a number when none had.
  var epochMeanLoss: Double { epochLossSum / Double(batch - (skips?.withoutLoss ?? 0)) }

  mutating func beginNextEpoch() {
    (epoch, batch, epochLossSum) = (epoch + 1, 0, 0)
    skips?.withoutLoss = 0
  }
}

extension Checkpoint.Position {
  /// Whether a run can stand here that makes so many batches in each epoch: a file that was written by hand, or rotted,
  /// may say anything.
  package func isPossible(batchesPerEpoch: Int, epochs: Int) -> Bool {
    let counts = [optimizerSteps, lossScaleGoodSteps, skips?.inARow ?? 0, skips?.withoutLoss ?? 0]
    return (0...batchesPerEpoch * epochs).contains(step)
      && epoch == step / batchesPerEpoch && batch == step % batchesPerEpoch
      && counts.allSatisfy((0...step).contains)
      && epochLossSum.isFinite && lossScale.isFinite && lossScale > 0
  }
}
