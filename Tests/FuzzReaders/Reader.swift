import Foundation
import Pretraining
import TestSupport
import Torch

/// What is fuzzed: a kind of file that may come from strangers, or rot.
struct Reader {
  enum Kind: String, CaseIterable {
    case safetensors, pytorch, pickle, state, configuration
  }

  let kind: Kind
  /// Whole files of the kind.
  let seeds: [[UInt8]]
  /// What lies beside the pickle in the file that it is from.
  private var besidePickle: [String: [UInt8]] = [:]

  private static let pickleName = "state-dict/data.pkl"

  /// - Parameter folder: holds whole files of all kinds, told apart by their extensions.
  init(_ kind: Kind, seedsIn folder: URL) throws {
    self.kind = kind
    guard kind != .pickle else {
      var entries = try PyTorchFile.entries(of: Data(contentsOf: folder.appendingPathComponent("state-dict.pth")))
      seeds = [entries.removeValue(forKey: Self.pickleName)!]
      besidePickle = entries
      return
    }
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == Self.fileExtension(of: kind) }.sorted { $0.path < $1.path }
    seeds = try files.map { Array(try Data(contentsOf: $0)) }
  }

  /// Whether the bytes are a file of this kind.
  func accepts(_ bytes: [UInt8]) -> Bool {
    do {
      switch kind {
      case .safetensors: _ = try SafeTensors(Data(bytes))
      case .pytorch: _ = try PyTorchFile(Data(bytes))
      case .pickle: _ = try PyTorchFile(Data(archive(of: bytes)))
      case .state: return try Checkpoint.Position(json: Data(bytes)).isPossible(batchesPerEpoch: 100, epochs: 10)
      case .configuration: _ = try Configuration(yaml: String(decoding: bytes, as: UTF8.self))
      }
      return true
    } catch {
      // What a person would read must not take long to make either.
      return "\(error)".utf8.count < 0
    }
  }

  private static func fileExtension(of kind: Kind) -> String {
    switch kind {
    case .safetensors: "safetensors"
    case .pytorch, .pickle: "pth"
    case .state: "json"
    case .configuration: "yaml"
    }
  }

  /// Words that the kind is made of.
  var tokens: [String] {
    let numbers = ["0", "-1", "1.5", "1e999", "9223372036854775807", "9223372036854775808", "4294967296", "nan"]
    let json = numbers + ["{", "}", "[", "]", ":", ",", "\"", "\\u0000", "\\ud800", "null", "true"]
    return switch kind {
    case .safetensors:
      json + ["\"dtype\":\"F64\"", "\"BOOL\"", "\"shape\":[", "\"data_offsets\":[0,", "__metadata__", "\"U8\""]
    case .pytorch:
      [
        "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}", "data.pkl", "data/0", "/",
        "little",
      ]
    case .pickle:
      [
        "cos\nsystem\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n",
        "(", "t", "R", "Q", "b", "u", "s", "e", "a", ")", "}", "]", "h\0", "h\u{1}", "h\u{2}", "q\0", "K\u{1}", "N",
        ".", "((((",
      ]
    case .state: json + ["\"step\"", "\"skips\"", "\"epoch_loss_sum\"", "{\"a\":", "[[[["]
    case .configuration:
      numbers + [
        "&a ", "*a", "? ", "- ", ": ", "\n", "\n  ", "|\n", ">\n", "!!binary ", "{", "}", "[", "]", "%YAML 1.1", "---",
        "...",
        "training:", "augmentation:", "second_view:", "<<: ", "~", "\t", "\u{feff}", "'", "\"\\x",
      ]
    }
  }

  /// The file around a pickle.
  private func archive(of pickle: [UInt8]) -> [UInt8] {
    var zip = StoredZipWriter()
    zip.add(Self.pickleName, pickle)
    for (name, contents) in besidePickle { zip.add(name, contents) }
    return zip.finished()
  }
}
