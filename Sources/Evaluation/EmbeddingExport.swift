import Foundation
import Torch

/// The features of a data set as a file, with what each row is of: `features` `[N, D]` float32, `labels` `[N]` int64 (−1
/// for an image without), `indices` `[N]` int64 (the place of each image in its data set), and `names`, what each image is
/// called within the data set.
public struct EmbeddingExport: Sendable {
  /// What kind of file is written.
  public enum Format: String, CaseIterable, Sendable {
    /// In this format `names` is `[B]` uint8: text in UTF-8, a line for each row. The metadata are texts: `format` (`pt`),
    /// `class_names` (a JSON array in the order of the labels), `encoder`, `split`.
    case safetensors
    /// NumPy's, where `names` and `class_names` are arrays of text, and `encoder` and `split` texts.
    case npz
    /// A line for each row, with a heading: `name`, `split`, `label`, `class`, then the features as `f0`, `f1`, ….
    case csv

    /// The one of a file's name; nil where that says none.
    public init?(ofFileNamed name: String) {
      self.init(rawValue: URL(fileURLWithPath: name).pathExtension.lowercased())
    }
  }

  public let features: Features
  /// What the image of each row is called; empty where nobody says it.
  public let names: [String]
  /// Of which part of the data set the images are.
  public let split: String
  /// Which encoder, in words.
  public let encoder: String

  /// - Parameter names: as many as there are rows, or none.
  public init(_ features: Features, names: [String] = [], split: String = "", encoder: String) {
    precondition(
      names.isEmpty || names.count == features.count,
      "EmbeddingExport: expected \(features.count) names, got \(names.count)")
    self.features = features
    self.names = names
    self.split = split
    self.encoder = encoder
  }

  /// Writes the file, whole or not at all.
  ///
  /// - Throws: `TorchError` with the path and the reason; ``EvaluationError`` when the format cannot hold so much.
  public func write(to url: URL, as format: Format = .safetensors) throws {
    switch format {
    case .safetensors: try safetensors().write(to: url)
    case .npz: try DurableFile.write(npz(), to: url)
    case .csv: try DurableFile.write(Data(table(withFeatures: true).utf8), to: url)
    }
  }

  /// Writes what each row is of, without the features: the columns `name`, `split`, `label`, `class`.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  public func writeRows(to url: URL) throws {
    try DurableFile.write(Data(table(withFeatures: false).utf8), to: url)
  }

  private func safetensors() throws -> SafeTensors {
    var tensors = [
      ("features", features.values), ("labels", Tensor(features.labels)), ("indices", Tensor(features.sampleIndices)),
    ]
    if !names.isEmpty {
      let text = names.map { $0.replacing("\n", with: "\\n") + "\n" }.joined()
      tensors.append(("names", Tensor(Array(text.utf8))))
    }
    var metadata = [
      "format": "pt", "class_names": try jsonText(features.classNames), "encoder": encoder,
    ]
    if !split.isEmpty { metadata["split"] = split }
    return SafeTensors(tensors: tensors, metadata: metadata)
  }

  private func npz() throws -> Data {
    var archive = NumPyArchive()
    archive.add("features", features.values)
    archive.add("labels", features.labels)
    archive.add("indices", features.sampleIndices)
    archive.add("names", names, shape: [names.count])
    archive.add("class_names", features.classNames, shape: [features.classNames.count])
    archive.add("split", [split], shape: [])
    archive.add("encoder", [encoder], shape: [])
    return try archive.finished()
  }

  private func table(withFeatures: Bool) -> String {
    let numbers = withFeatures ? (0..<features.dimension).map { "f\($0)" } : []
    var text = (["name", "split", "label", "class"] + numbers).joined(separator: ",") + "\n"
    let values = withFeatures ? features.values.array(of: Float.self) : []
    for row in 0..<features.count {
      let label = features.labels[row]
      let isLabeled = label != Features.unlabeled
      let className =
        isLabeled && label < features.classNames.count ? features.classNames[label] : ""
      let name = names.isEmpty ? "\(features.sampleIndices[row])" : names[row]
      let fields = [name, split, isLabeled ? "\(label)" : "", className].map(\.asCSVField)
      let row = values[(row * numbers.count)..<((row + 1) * numbers.count)].map { "\($0)" }
      text += (fields + row).joined(separator: ",") + "\n"
    }
    return text
  }
}

extension String {
  /// In quotes where a comma, a quote or a break of the line would be misread (RFC 4180).
  fileprivate var asCSVField: String {
    guard contains(where: { ",\"\n\r".contains($0) || $0.isNewline }) else { return self }
    return "\"" + replacing("\"", with: "\"\"") + "\""
  }
}
