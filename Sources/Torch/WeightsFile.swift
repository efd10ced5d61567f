import Foundation

/// Named tensors in one of the formats that weights are published in: safetensors, or what PyTorch saves (1.6 and later).
/// Neither is executed.
public struct WeightsFile {
  public let tensors: [String: Tensor]
  /// Free text by key; PyTorch's format has none.
  public let metadata: [String: String]

  /// Reads a file, whose format shows in how it begins.
  ///
  /// - Throws: ``TorchError`` with the path and what is wrong.
  public init(contentsOf url: URL) throws {
    let file = try RegularFile(url)
    let start = try file.bytes(0..<min(8, file.count))
    if PyTorchFile.isArchive(start) {
      (tensors, metadata) = (try PyTorchFile(contentsOf: url).tensors, [:])
      return
    }
    guard !PyTorchFile.isBarePickle(start) else {
      throw TorchError(
        "\(url.path) is in the format that PyTorch had before 1.6, which cannot be read without executing it: load it with torch.load(…, weights_only=True) and save it again"
      )
    }
    let read = try SafeTensors(contentsOf: url)
    tensors = Dictionary(uniqueKeysWithValues: read.tensors.map { ($0.name, $0.tensor) })
    metadata = read.metadata
  }
}
