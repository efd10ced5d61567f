import Foundation
import Torch
import TorchNN

/// The state of a run after a step: weights and optimizer as safetensors, the position as JSON, and the checksums of all.
public struct Checkpoint: Sendable {
  /// Where training stood.
  public struct Position: Codable, Equatable, Sendable {
    /// Steps made.
    public var step: Int
    /// The epoch that the next step belongs to, from 0.
    public var epoch: Int
    /// The batch of that epoch that comes next, from 0.
    public var batch: Int
    /// Steps the optimizer made: fewer when float16 skipped some.
    public var optimizerSteps: Int
    /// The sum of losses over the batches of the epoch so far.
    public var epochLossSum: Double
    public var lossScale: Double
    public var lossScaleGoodSteps: Int
    /// Images of the data set: a run goes on with the images it began with.
    public var dataSetCount: Int
    /// Which images; nil in checkpoints of version 0.1.
    public var data: DataFingerprint?
    /// Steps that were skipped; nil where there were none.
    public var skips: Skips?

    /// Steps that were skipped since their loss or gradients were not finite.
    public struct Skips: Codable, Equatable, Sendable {
      public var inARow = 0
      /// Of this epoch, those whose loss is not in the sum.
      public var withoutLoss = 0
    }
  }

  public let url: URL
  public let position: Position

  /// Writes a checkpoint: under a temporary name, flushed, renamed, and only then named by `latest`. Of this and
  /// older ones the newest `keep` stay (0: all).
  static func write(
    _ position: Position, model: [(name: String, tensor: Tensor)], optimizer: [(name: String, tensor: Tensor)],
    in run: RunFolder, keep: Int
  ) throws(RunError) {
    let name = folderName(step: position.step)
    let final = run.checkpointsURL.appendingPathComponent(name)
    let partial = run.checkpointsURL.appendingPathComponent(".\(name).partial")
    let files = FileManager.default
    do {
      try? files.removeItem(at: partial)
      // A run's folder that was taken away is not made again: nobody would look for the rest of it there.
      try files.createDirectory(at: partial, withIntermediateDirectories: false)
      var checksums = Checksums()
      try checksums.noting("model.safetensors", in: partial) {
        try SafeTensors(tensors: model, metadata: ["format": "pt"]).write(to: $0, showing: $1)
      }
      try checksums.noting("optimizer.safetensors", in: partial) {
        try SafeTensors(tensors: optimizer).write(to: $0, showing: $1)
      }
      let state = try position.json()
      try checksums.noting("state.json", in: partial) { try DurableFile.write(state, to: $0, showing: $1) }
      try checksums.write(in: partial)
      if try StoredFile.exists(final) { try files.removeItem(at: final) }
      try files.moveItem(at: partial, to: final)
      DurableFile.synchronizeDirectory(run.checkpointsURL)
      try Checkpoint(url: final, position: position).becomeLatest(in: run)
    } catch {
      try? files.removeItem(at: partial)
      let detail = (error as? TorchError)?.description ?? reason(error)
      throw RunError(
        "cannot write the checkpoint of step \(position.step): \(detail). Earlier checkpoints are untouched")
    }
    removeOld(before: position.step, in: run, keep: keep)
  }

  /// Parameters and buffers of the model, `encoder.` and `projection_head.` before their names.
  ///
  /// - Throws: `TorchError` when the file is damaged.
  public func modelState() throws -> [String: Tensor] {
    try SafeTensors.load(url.appendingPathComponent("model.safetensors"))
  }

  /// What the optimizer keeps.
  ///
  /// - Throws: `TorchError` when the file is damaged.
  public func optimizerState() throws -> [String: Tensor] {
    try SafeTensors.load(url.appendingPathComponent("optimizer.safetensors"))
  }

  /// Takes away the oldest of those before this step. What goes beyond it stays: somebody went back to an earlier
  /// checkpoint, and may go forward again.
  private static func removeOld(before step: Int, in run: RunFolder, keep: Int) {
    guard keep > 0, let names = try? folders(in: run) else { return }
    for name in names.filter({ Self.step(ofFolder: $0)! < step }).dropLast(keep - 1) {
      try? FileManager.default.removeItem(at: run.checkpointsURL.appendingPathComponent(name))
    }
  }
}
