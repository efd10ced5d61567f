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
    case .problem(let problem, _):
      throw RunError(
        "\(problem). Resume the run, which looks for the newest whole one, or write the name of a folder of \(run.checkpointsURL.path) into \(latestURL(in: run).path)"
      )
    }
  }

  /// The checkpoint after so many steps.
  ///
  /// - Throws: ``RunError`` naming those that there are; `TorchError` when the disk gives errors.
  static func ofStep(_ step: Int, in run: RunFolder) throws -> Checkpoint {
    if step >= 0, let checkpoint = try read(folderName(step: step), in: run) { return checkpoint }
    let steps = try folders(in: run).compactMap { Self.step(ofFolder: $0).map(String.init) }
    throw RunError(
      "\(run.url.path) has no whole checkpoint of step \(step)"
        + (steps.isEmpty ? ", and none of another" : ": there are those of \(steps.joined(separator: ", "))"),
      isWrongUsage: true)
  }

  /// What a run goes on from: the checkpoint that `latest` names, else the newest that is whole; if the one that it names is
  /// damaged, the newest before that.
  ///
  /// - Returns: nil in a run that has none yet; `repair` says what was wrong and what is taken instead.
  /// - Throws: ``RunError`` when there are only broken ones; `TorchError` when the disk gives errors.
  static func toResume(in run: RunFolder) throws -> (checkpoint: Checkpoint, repair: String?)? {
    var (problem, bound) = ("", Int.max)
    switch try named(in: run) {
    case .none: return nil
    case .problem(let text, let named): (problem, bound) = (text, named ?? .max)
    case .whole(let checkpoint):
      guard let damage = try checkpoint.damage() else { return (checkpoint, nil) }
      problem = "\(checkpoint.url.path) is damaged: \(damage)"
      bound = step(ofFolder: checkpoint.url.lastPathComponent)!
    }
    for name in try folders(in: run).reversed() where step(ofFolder: name)! < bound {
      guard let checkpoint = try read(name, in: run), try checkpoint.damage() == nil else { continue }
      let which = bound < .max ? "the newest whole one before it" : "the newest whole one"
      return (checkpoint, "\(problem); going on from \(name), \(which)")
    }
    throw RunError(
      "\(problem), and no other\(bound < .max ? " before it" : "") is whole",
      advice: "bring one back, or start another run")
  }

  /// What is wrong with the files, in words that go on from the checkpoint's name; nil when all of them are what was written.
  /// Of checkpoints of version 0.1, which have no checksums, it is known only whether their tensors can be read.
  ///
  /// - Parameter files: which are looked at.
  /// - Throws: `TorchError` when the disk gives errors.
  package func damage(to files: [String] = Self.fileNames) throws -> String? {
    if let checksums = try Checksums(of: url) {
      for file in files {
        if let damage = try checksums.damage(to: file, in: url) { return damage }
      }
      return nil
    }
    for file in files where file.hasSuffix(".safetensors") {
      do {
        _ = try SafeTensors(contentsOf: url.appendingPathComponent(file))
      } catch let error as TorchError {
        return error.description
      }
    }
    return nil
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

  package static let fileNames = ["model.safetensors", "optimizer.safetensors", "state.json"]

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
    /// `step` is that of the folder that is named and broken.
    case problem(String, step: Int?)
  }

  private static func named(in run: RunFolder) throws -> Named {
    let path = latestURL(in: run).path
    guard let bytes = try StoredFile.contents(of: latestURL(in: run)) else {
      let isEmpty = try folders(in: run).isEmpty
      return isEmpty ? .none : .problem("\(path) is missing, though there are checkpoints", step: nil)
    }
    let name = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard !name.isEmpty else { return .problem("\(path) is empty", step: nil) }
    guard let step = step(ofFolder: name) else {
      return .problem("\(path) names no checkpoint, but '\(name.prefix(40))'", step: nil)
    }
    if let checkpoint = try read(name, in: run) { return .whole(checkpoint) }
    let isThere = try StoredFile.exists(run.checkpointsURL.appendingPathComponent(name))
    return .problem("\(path) names the checkpoint '\(name)', which is not whole", step: isThere ? step : nil)
  }

  /// Nil when the folder is not there or lacks something. Whether its files are what was written, ``damage(to:)`` says.
  private static func read(_ name: String, in run: RunFolder) throws -> Checkpoint? {
    let url = run.checkpointsURL.appendingPathComponent(name)
    guard
      let data = try StoredFile.contents(
        of: url.appendingPathComponent("state.json"), atMost: Position.maximumByteCount),
      let position = try? Position(json: data)
    else { return nil }
    let checkpoint = Checkpoint(url: url, position: position)
    return try fileNames.allSatisfy { try StoredFile.exists(url.appendingPathComponent($0)) } ? checkpoint : nil
  }
}
