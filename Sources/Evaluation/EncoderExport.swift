import Encoders
import Foundation
import Pretraining
import Torch
import TorchNN

/// An encoder as a file that torchvision and timm read: its weights in the safetensors format, under torchvision's
/// names, and in the metadata what it takes to build the network and prepare images for it.
///
/// The metadata are texts, as the format has it: `format` (`pt`), `architecture` (`resnet18`), `width` (`0.25`), `stem`
/// (`cifar`; of a vision transformer `patch_size` and `pooling` in its place), `image_size`, `mean` and `std` (JSON arrays of three), `feature_dimension`.
public struct EncoderExport {
  public let encoder: any ImageEncoder
  public let settings: EncoderSettings
  /// Side of the images in pixels.
  public let imageSize: Int
  /// Of red, green and blue on the scale 0…1, subtracted from images.
  public let mean: [Double]
  /// Of red, green and blue on the scale 0…1, divided by after.
  public let standardDeviation: [Double]

  public init(
    _ encoder: any ImageEncoder, settings: EncoderSettings, imageSize: Int, mean: [Double], standardDeviation: [Double]
  ) {
    self.encoder = encoder
    self.settings = settings
    self.imageSize = imageSize
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// Writes the file, whole or not at all: floating-point tensors as contiguous float32, counters as int64.
  ///
  /// - Throws: `TorchError` with the path and the reason.
  public func write(to url: URL) throws {
    let tensors = encoder.stateDictionary().map { name, tensor in
      (name, tensor.to(tensor.dtype.isFloatingPoint ? .float32 : tensor.dtype, device: .cpu).contiguous())
    }
    var metadata = [
      "format": "pt", "architecture": settings.architecture.name, "width": "\(settings.width)",
      "image_size": "\(imageSize)", "mean": try jsonText(mean), "std": try jsonText(standardDeviation),
      "feature_dimension": "\(encoder.featureCount)",
    ]
    if settings.architecture.traits.contains(.patches) {
      metadata["patch_size"] = "\(settings.transformer.patchSize)"
      metadata["pooling"] = settings.transformer.pooling.rawValue
    } else {
      metadata["stem"] = settings.stem.rawValue
    }
    try SafeTensors(tensors: tensors, metadata: metadata).write(to: url)
  }
}

/// JSON in one line, for metadata.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .withoutEscapingSlashes
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
