import Foundation
import Torch

/// The features of a data set as a file in the safetensors format: `features` `[N, D]` float32, `labels` `[N]` int64
/// (−1 for an image without), `indices` `[N]` int64 (the place of each image in its data set).
///
/// The metadata are texts: `format` (`pt`), `class_names` (a JSON array in the order of the labels), `encoder`.
public struct EmbeddingExport {
  public let features: Features
  /// Which encoder, in words.
  public let encoder: String

  public init(_ features: Features, encoder: String) {
    self.features = features
    self.encoder = encoder
  }

  /// Writes the file, whole or not at all.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  public func write(to url: URL) throws {
    try SafeTensors(
      tensors: [
        ("features", features.values), ("labels", Tensor(features.labels)), ("indices", Tensor(features.sampleIndices)),
      ],
      metadata: ["format": "pt", "class_names": try jsonText(features.classNames), "encoder": encoder]
    ).write(to: url)
  }
}
