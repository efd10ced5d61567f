import Foundation
import Torch

/// `metrics.jsonl`: one JSON object a line. Lines with `loss` are of steps, lines with `mean_loss` of epochs.
public final class MetricsLog {
  private let handle: FileHandle
  private let path: String

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
    do {
      try DurableFile.write(Data(kept.map { $0 + "\n" }.joined().utf8), to: url)
      handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
    } catch {
      throw RunError("cannot write \(url.path): \((error as? TorchError)?.description ?? reason(error))")
    }
  }

  /// Appends a line.
  ///
  /// - Throws: ``RunError`` when the disk refuses it.
  public func append(_ metrics: some Encodable) throws {
    do {
      try handle.write(contentsOf: Self.encoder.encode(metrics) + Data("\n".utf8))
    } catch {
      throw RunError("cannot write \(path): \(reason(error))")
    }
  }

  /// Appends a line to a file that need not exist yet.
  ///
  /// - Throws: ``RunError`` when the disk refuses it.
  public static func append(_ value: some Encodable, to url: URL) throws {
    try MetricsLog(url, completedSteps: .max).append(value)
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
