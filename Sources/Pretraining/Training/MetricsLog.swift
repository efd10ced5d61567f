import Foundation
import Torch

/// A log of a run, one JSON object a line: first its ``Schema`` with the version of the program that began it, then lines of which each has its `step` and all of its
/// figures. Logs of version 0.1 lack the first line, and do not get it when they are gone on with.
public final class MetricsLog {
  /// The first line: what the others hold. `Docs/Runs.md` describes them.
  public struct Schema: Codable, Equatable, Sendable {
    public var schema: String
    public var version: Int

    /// `metrics.jsonl`: lines with `loss` are of steps, lines with `mean_loss` of epochs.
    public static let metrics = Schema(schema: "simclr.metrics", version: 1)
    /// `skipped_steps.jsonl`.
    public static let skippedSteps = Schema(schema: "simclr.skipped_steps", version: 1)
  }

  /// A new log's first line: the schema, and the version of the program that began the log.
  private struct FirstLine: Encodable {
    let schema: String
    let version: Int
    let programVersion = SimCLRVersion.current

    init(_ schema: Schema) { (self.schema, version) = (schema.schema, schema.version) }
  }

  private let handle: FileHandle
  private let path: String
  /// Whether it held nothing when it was opened.
  private let wasEmpty: Bool
  /// Lines that a full disk did not take yet.
  private var waiting = Data()

  /// Opens the log for appending, with its first line if it is new. Lines of steps beyond `completedSteps`, which a run that
  /// was cut off made after its last checkpoint, are taken away: the resumed run makes them again.
  ///
  /// - Throws: ``RunError`` when the file cannot be read or written, or has another schema.
  public init(_ url: URL, _ schema: Schema, completedSteps: Int) throws {
    path = url.path
    do {
      let lines = try Self.lines(of: url)
      let first = lines.first?.schema
      guard first == nil || first == schema else {
        throw RunError(
          "\(url.path) has the schema \(first!.schema) \(first!.version), and this program writes \(schema.schema) \(schema.version)",
          advice: "go on with the program that wrote it"
        )
      }
      let kept = lines.filter { $0.step.map { $0 <= completedSteps } ?? false }.map(\.text)
      wasEmpty = kept.isEmpty
      let begun = lines.first.flatMap { $0.schema == nil ? nil : $0.text }
      let head = try begun ?? (wasEmpty ? String(decoding: Self.encoder.encode(FirstLine(schema)), as: UTF8.self) : nil)
      try DurableFile.write(Data(([head].compactMap(\.self) + kept).map { $0 + "\n" }.joined().utf8), to: url)
      handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
    } catch let error as RunError {
      throw error
    } catch {
      throw RunError((error as? TorchError)?.description ?? "cannot write \(url.path): \(reason(error))")
    }
  }

  /// Opens a log that an earlier part of the run may have left; nil, and no file, where it holds nothing.
  ///
  /// - Throws: ``RunError`` when the file cannot be written.
  public static func ifAny(_ url: URL, _ schema: Schema, completedSteps: Int) throws -> MetricsLog? {
    guard try StoredFile.exists(url) else { return nil }
    let log = try MetricsLog(url, schema, completedSteps: completedSteps)
    guard log.wasEmpty else { return log }
    unlink(url.path)
    return nil
  }

  /// Appends a line: the whole of it or nothing. While the disk is full, lines wait in memory for the next time.
  ///
  /// - Returns: what is wrong, if lines begin to wait with this one.
  /// - Throws: ``RunError`` when the disk gives another error, or somebody took the file away.
  @discardableResult
  public func append(_ metrics: some Encodable) throws -> String? {
    try confirmInPlace()
    let waitedBefore = !waiting.isEmpty
    waiting += try Self.encoder.encode(metrics) + Data("\n".utf8)
    let trouble = try writeWaiting()
    return waitedBefore ? nil : trouble
  }

  /// Confirms that no line waits any more.
  ///
  /// - Throws: ``RunError`` when the disk still does not take them.
  public func finish() throws {
    if !waiting.isEmpty, let trouble = try writeWaiting() { throw RunError(trouble) }
  }

  /// Nil when all lines are in the file; else that the disk is full.
  private func writeWaiting() throws -> String? {
    let end = try handle.offset()
    do {
      try handle.write(contentsOf: waiting)
      waiting = Data()
      return nil
    } catch {
      try? handle.truncate(atOffset: end)
      let failure = "cannot write \(path): \(reason(error))"
      guard [ENOSPC, EDQUOT, EFBIG].contains(posixCode(error)) else { throw RunError(failure) }
      return failure
    }
  }

  /// The last step of a log, whole lines only; nil where there is none.
  static func lastStep(in url: URL) throws -> Int? { try lines(of: url).compactMap(\.step).max() }

  private static func lines(of url: URL) throws -> [(text: String, step: Int?, schema: Schema?)] {
    guard let data = try StoredFile.contents(of: url) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let schema = object?["schema"] == nil ? nil : try? JSONDecoder().decode(Schema.self, from: Data(line.utf8))
      return (String(line), object?["step"] as? Int, schema)
    }
  }

  /// A file that was removed can be written on and on, and nobody would ever read it.
  private func confirmInPlace() throws {
    var (open, named) = (stat(), stat())
    guard fstat(handle.fileDescriptor, &open) == 0, stat(path, &named) == 0, open.st_ino == named.st_ino,
      open.st_dev == named.st_dev
    else { throw RunError("\(path) was removed or replaced while training: nothing more can be saved there") }
  }

  private static let encoder = {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()
}
