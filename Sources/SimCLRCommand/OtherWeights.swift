import Foundation
import Launching
import Pretraining

/// What `--from` names: a run or a file whose weights a new run begins with.
struct OtherWeights {
  let path: String

  /// What the configuration of the new run says of it. Of a run that is its latest checkpoint: the encoder, and the method,
  /// too, where that is the same with heads of the same sizes.
  ///
  /// - Throws: `RunError` when there is no run or no whole checkpoint.
  func overrides(for configuration: ResolvedConfiguration) throws -> [String] {
    // Rank 0 reads weights for all; other machines need not have them.
    if let place = try LaunchPlace.ofThisProcess().rank, place.rank != 0 { return [] }
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
      return ["encoder.weights=\(quoted(url.path))"]
    }
    let run = RunFolder(url)
    let other = try run.configuration()
    guard let checkpoint = try Checkpoint.latest(in: run) else {
      throw RunError("--from: \(path) has no checkpoint yet", isWrongUsage: true)
    }
    if let damage = try checkpoint.damage() {
      throw RunError("--from: \(checkpoint.url.path) is damaged: \(damage). Resume that run first, or name a file")
    }
    let isSameMethod =
      other.method.name == configuration.method.name && other.projectionHead == configuration.projectionHead
      && other.encoderSettings == configuration.encoderSettings
    let file = quoted(checkpoint.url.appendingPathComponent("model.safetensors").path)
    return ["\(isSameMethod ? "method" : "encoder").weights=\(file)"]
  }

  /// A text of YAML, whatever it holds.
  private func quoted(_ text: String) -> String {
    "'\(text.replacingOccurrences(of: "'", with: "''"))'"
  }
}
