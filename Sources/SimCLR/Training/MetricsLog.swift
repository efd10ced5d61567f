import Foundation
import Torch

/// A log of a run, one JSON object a line, each with its `step`: `metrics.jsonl`, where lines with `loss` are of steps and
/// lines with `mean_loss` of epochs, and `skipped_steps.jsonl`.
public final class MetricsLog {
  private let handle: FileHandle
  private let path: String
  /// Whether it held nothing when it was opened.
  private let wasEmpty: Bool

  /// Opens the log for appending. Lines of steps beyond `completedSteps`, which a run that was cut off made after its
  /// last checkpoint, are taken away: the resumed run makes them again.
  ///
  /// - Throws: ``RunError`` when the file cannot be written.
  public init(_ url: URL, completedSteps: Int) throws {
    path = url.path
    let kept = Self.lines(of: url).filter { line in
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let step = object["step"] as? Int
      else { return false }
      return step <= completedSteps
    }
    wasEmpty = kept.isEmpty
    do {
      try DurableFile.write(Data(kept.map { $0 + "\n" }.joined().utf8), to: url)
      handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
    } catch {
      throw RunError((error as? TorchError)?.description ?? "cannot write \(url.path): \(reason(error))")
    }
  }

  /// Opens a log that an earlier part of the run may have left; nil, and no file, where it holds nothing.
  ///
  /// - Throws: ``RunError`` when the file cannot be written.
  public static func ifAny(_ url: URL, completedSteps: Int) throws -> MetricsLog? {
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let log = try MetricsLog(url, completedSteps: completedSteps)
    guard log.wasEmpty else { return log }
    unlink(url.path)
    return nil
  }

  /// Appends a line: the whole of it or nothing.
  ///
  /// - Throws: ``RunError`` when the disk refuses it.
  public func append(_ metrics: some Encodable) throws {
    let line = try Self.encoder.encode(metrics) + Data("\n".utf8)
    let end = try handle.offset()
    do {
      try handle.write(contentsOf: line)
    } catch {
      try? handle.truncate(atOffset: end)
      throw RunError("cannot write \(path): \(reason(error))")
    }
  }

  private static func lines(of url: URL) -> [String] {
    guard let data = FileManager.default.contents(atPath: url.path) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
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
