import Foundation
import Torch

extension EvaluationResult {
  /// One JSON object, keys in alphabetical order, lists of numbers in one line each, ending with a line break.
  public func json() throws -> Data { try ReadableJSON.data(self) }

  /// Reads what ``json()`` wrote.
  ///
  /// - Throws: ``EvaluationError`` when the data are not a result of evaluation.
  public init(json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      self = try decoder.decode(EvaluationResult.self, from: json)
    } catch {
      throw EvaluationError("not the result of an evaluation: \(error)")
    }
  }

  /// Writes ``json()`` to a file, whole or not at all.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  public func write(to url: URL) throws { try DurableFile.write(json(), to: url) }
}

/// JSON for people and programs: keys in snake case and in order, and a list of numbers in one line, for a confusion matrix
/// is read row by row.
public enum ReadableJSON {
  /// One value, ending with a line break.
  public static func data(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Data(joiningNumbers(in: [UInt8](try encoder.encode(value)))) + Data("\n".utf8)
  }

  /// Takes the line breaks out of lists that hold nothing but numbers.
  private static func joiningNumbers(in text: [UInt8]) -> [UInt8] {
    let (open, close, quote) = (UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\""))
    let white = Set(" \n".utf8)
    let ofNumbers = Set("0123456789+-.eE, \n".utf8)
    var (result, place, isText) = ([UInt8](), 0, false)
    result.reserveCapacity(text.count)
    while place < text.count {
      let byte = text[place]
      result.append(byte)
      place += 1
      if isText {
        if byte == UInt8(ascii: "\\") {
          result.append(text[place])
          place += 1
        } else if byte == quote {
          isText = false
        }
      } else if byte == quote {
        isText = true
      } else if byte == open {
        let end = text[place...].firstIndex { !ofNumbers.contains($0) } ?? text.endIndex
        guard end < text.endIndex, text[end] == close else { continue }
        for inner in text[place..<end] where !white.contains(inner) {
          result.append(inner)
          if inner == UInt8(ascii: ",") { result.append(UInt8(ascii: " ")) }
        }
        place = end
      }
    }
    return result
  }
}
