import Foundation
import Torch

extension Checkpoint {
  /// The checkpoint that `latest` names; nil in a run that has none yet.
  ///
  /// - Throws: ``RunError`` when it is not there or not whole, or checkpoints are there and `latest` is not; `TorchError`
  ///   when the disk gives errors.
  public static func latest(in run: RunFolder) throws -> Checkpoint? {
    switch try named(in: run) {
    case .none: return nil
    case .whole(let checkpoint): return checkpoint
    case .problem(let problem):
      throw RunError(
        "\(problem). Resume the run, which looks for the newest whole one, or write the name of a folder of \(run.checkpointsURL.path) into \(latestURL(in: run).path)"
      )
    }
  }

  /// What a run goes on from: the checkpoint that `latest` names, else the newest that is whole.
  ///
  /// - Returns: nil in a run that has none yet; `repair` says what was wrong and what is taken instead.
  /// - Throws: ``RunError`` when there are only broken ones; `TorchError` when the disk gives errors.
  static func toResume(in run: RunFolder) throws -> (checkpoint: Checkpoint, repair: String?)? {
    switch try named(in: run) {
    case .none: return nil
    case .whole(let checkpoint): return (checkpoint, nil)
    case .problem(let problem):
      for name in try folders(in: run).reversed() {
        guard let checkpoint = try read(name, in: run), try checkpoint.hasWholeTensors else { continue }
        return (checkpoint, "\(problem): going on from \(name), the newest whole one")
      }
      throw RunError("\(problem), and no other is whole: bring one back, or start another run")
    }
  }

  /// Has `latest` name this checkpoint.
  func becomeLatest(in run: RunFolder) throws {
    try DurableFile.write(Data("\(url.lastPathComponent)\n".utf8), to: Self.latestURL(in: run))
  }

  /// The names of checkpoints' folders, the one of the most steps last.
  static func folders(in run: RunFolder) throws -> [String] {
    try StoredFile.names(in: run.checkpointsURL).filter { step(ofFolder: $0) != nil }.sorted {
      (step(ofFolder: $0)!, $0) < (step(ofFolder: $1)!, $1)
    }
  }

  /// The steps in a folder's name, nil where it is no checkpoint's.
  static func step(ofFolder name: String) -> Int? {
    name.hasPrefix("step-")
      ? Int(name.dropFirst(5)).flatMap { $0 >= 0 && folderName(step: $0) == name ? $0 : nil } : nil
  }

  static func folderName(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  static func latestURL(in run: RunFolder) -> URL { run.checkpointsURL.appendingPathComponent("latest") }

  /// What `latest` leads to.
  private enum Named {
    /// There is neither `latest` nor a checkpoint.
    case none
    case whole(Checkpoint)
    case problem(String)
  }

  private static func named(in run: RunFolder) throws -> Named {
    let path = latestURL(in: run).path
    guard let bytes = try StoredFile.contents(of: latestURL(in: run)) else {
      let isEmpty = try folders(in: run).isEmpty
      return isEmpty ? .none : .problem("\(path) is missing, though there are checkpoints")
    }
    let name = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard !name.isEmpty else { return .problem("\(path) is empty") }
    guard step(ofFolder: name) != nil else { return .problem("\(path) names no checkpoint, but '\(name.prefix(40))'") }
    if let checkpoint = try read(name, in: run) { return .whole(checkpoint) }
    return .problem("\(path) names the checkpoint '\(name)', which is not whole")
  }

  /// Nil when the folder is not there or lacks something. That its tensors are whole shows when they are loaded.
  private static func read(_ name: String, in run: RunFolder) throws -> Checkpoint? {
    let url = run.checkpointsURL.appendingPathComponent(name)
    guard
      let data = try StoredFile.contents(
        of: url.appendingPathComponent("state.json"), atMost: Position.maximumByteCount),
      let position = try? Position(json: data)
    else { return nil }
    let checkpoint = Checkpoint(url: url, position: position)
    return try checkpoint.tensorFiles.allSatisfy(StoredFile.exists) ? checkpoint : nil
  }

  private var tensorFiles: [URL] {
    ["model.safetensors", "optimizer.safetensors"].map(url.appendingPathComponent)
  }

  private var hasWholeTensors: Bool {
    get throws {
      try tensorFiles.allSatisfy { file in
        guard let data = try StoredFile.contents(of: file) else { return false }
        return (try? SafeTensors(data)) != nil
      }
    }
  }
}
