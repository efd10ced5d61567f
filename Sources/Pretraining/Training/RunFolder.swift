import Encoders
import Foundation
import Keys
import Launching
import Methods
import Torch
import TorchNN

/// The folder of a run: its configuration, metrics, checkpoints and evaluations.
public struct RunFolder: Sendable {
  public let url: URL

  public init(_ url: URL) { self.url = url.standardizedFileURL }

  public var configurationURL: URL { url.appendingPathComponent("config.yaml") }
  public var metricsURL: URL { url.appendingPathComponent("metrics.jsonl") }
  /// Steps that were skipped, with their images; absent where there were none.
  public var skippedStepsURL: URL { url.appendingPathComponent("skipped_steps.jsonl") }
  public var checkpointsURL: URL { url.appendingPathComponent("checkpoints") }
  public var evaluationURL: URL { url.appendingPathComponent("evaluation") }

  /// Whether a run was started here.
  ///
  /// - Throws: ``RunError`` when the configuration of a run that made steps is gone; `TorchError` when the disk gives
  ///   errors.
  public var holdsRun: Bool {
    get throws {
      if try StoredFile.exists(configurationURL) { return true }
      guard try Checkpoint.folders(in: self).isEmpty, try !StoredFile.exists(metricsURL) else {
        throw RunError(
          "\(url.path) holds metrics or checkpoints, but no config.yaml",
          advice: "bring back the one of that run, or choose another folder\(hint: .runFolder)", isWrongUsage: true)
      }
      return false
    }
  }

  /// Makes the folder and saves a resolved configuration in it.
  ///
  /// - Throws: ``RunError`` when a run was started here already, or the folder cannot be written.
  public func create(_ configuration: ResolvedConfiguration) throws {
    try requireUnused()
    try makeFolder(checkpointsURL)
    try DurableFile.write(Data(configuration.yaml().utf8), to: configurationURL)
  }

  /// Takes away what a process that was killed had only begun to write. Nobody else may be writing.
  func removeUnfinishedFiles() {
    let files = FileManager.default
    for folder in [url, checkpointsURL] {
      for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? []
      where name.hasPrefix(".") && name.hasSuffix(".partial") {
        try? files.removeItem(at: folder.appendingPathComponent(name))
      }
    }
  }

  /// Confirms that no run was started here.
  ///
  /// - Throws: ``RunError`` saying what to do.
  public func requireUnused() throws {
    guard try !holdsRun else {
      throw RunError(
        "\(url.path) already holds a run",
        advice:
          "continue it\(ifNamed: .resuming, after: " with "), or choose another folder\(hint: .runFolder)",
        isWrongUsage: true)
    }
  }

  /// Confirms, once this process has the lock, that no other one wrote a run here while this one made ready.
  ///
  /// - Throws: ``RunError`` saying what to do.
  func confirmStillUnused() throws {
    guard try !holdsRun else {
      throw RunError(
        "\(url.path) holds a run that another process has written meanwhile",
        advice:
          "give the same command again\(ifNamed: .resuming, after: " with "), or choose another folder\(hint: .runFolder)",
        isWrongUsage: true)
    }
  }

  /// Makes a folder of the run and those around it.
  ///
  /// - Throws: ``RunError`` with the path and the reason.
  public func makeFolder(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw RunError("cannot make the folder \(folder.path): \(reason(error))")
    }
  }

  /// The configuration that the run was started with.
  ///
  /// - Throws: ``RunError`` when there is no run here; `ConfigurationError` when its file was damaged.
  public func configuration() throws -> ResolvedConfiguration {
    guard try holdsRun else {
      throw RunError(
        "\(url.path) holds no run", expected: "a folder that training wrote\(hint: .runFolder), with config.yaml in it")
    }
    return try Configuration(contentsOf: configurationURL).resolved()
  }

  /// The encoder of the run: as trained up to a checkpoint, or with the first weights of its seed.
  ///
  /// - Parameter step: the checkpoint's; nil for the latest.
  /// - Throws: ``RunError`` when there is no run or no such checkpoint here, or it is damaged.
  public func encoder(randomlyInitialized: Bool = false, checkpoint step: Int? = nil) throws -> any ImageEncoder {
    let configuration = try configuration()
    // As methods do: the encoder's weights are drawn first.
    let generator = Generator(seed: UInt64(configuration.training.seed))
    let encoder = configuration.makeEncoder(generator: generator)
    if !randomlyInitialized {
      guard let checkpoint = try step.map({ try Checkpoint.ofStep($0, in: self) }) ?? Checkpoint.latest(in: self) else {
        throw RunError(
          "\(url.path) has no checkpoint yet",
          advice: "go on with its training\(ifNamed: .resuming, after: " with ") until there is one")
      }
      if let damage = try checkpoint.damage(to: ["model.safetensors"]) {
        throw RunError(
          "\(checkpoint.url.path) is damaged: \(damage). Resume the run, which goes on from the newest whole one")
      }
      let prefix = "encoder."
      let state = try checkpoint.modelState().filter { $0.key.hasPrefix(prefix) }
      try encoder.load(
        Dictionary(uniqueKeysWithValues: state.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
    }
    encoder.evaluate()
    return encoder
  }
}

/// The reason of a Foundation error in the system's words.
func reason(_ error: Error) -> String {
  posixCode(error).map { String(cString: strerror($0)) } ?? (error as NSError).localizedDescription
}

/// The system's number of the reason of a Foundation error; nil where it has none.
func posixCode(_ error: Error) -> Int32? {
  let error = error as NSError
  let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  return underlying.domain == NSPOSIXErrorDomain ? Int32(underlying.code) : nil
}
