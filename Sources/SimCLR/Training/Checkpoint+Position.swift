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
