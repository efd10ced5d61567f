import Encoders
import Foundation
import Torch
import TorchNN

/// An encoder from a file of weights: published ones (safetensors, or what PyTorch saves), or what ``EncoderExport`` wrote,
/// whose metadata say how to build the network and prepare images for it.
public struct EncoderImport {
  public let encoder: any ImageEncoder
  public let settings: EncoderSettings
  /// Side of the images in pixels; nil where the file does not say.
  public let imageSize: Int?
  /// Of red, green and blue on the scale 0…1; nil where the file does not say.
  public let mean: [Double]?
  /// Of red, green and blue on the scale 0…1; nil where the file does not say.
  public let standardDeviation: [Double]?
  /// What was loaded, left out and adapted.
  public let report: PublishedWeights.Report

  /// Makes the encoder of a file.
  ///
  /// - Parameters:
  ///   - name: what messages call the file.
  ///   - architecture: what the file holds; nil where it says so itself. Published weights are of width 1 and begin with
  ///     ImageNet's stem.
  /// - Throws: ``EvaluationError`` when the file does not say what it holds, or the weights do not fit.
  public init(_ file: WeightsFile, name: String, architecture: EncoderArchitecture? = nil) throws {
    var settings = try Self.settings(file.metadata, architecture, name)
    settings.adopt(file.tensors)
    self.settings = settings
    let said = file.metadata["image_size"].flatMap { Int($0) }.flatMap { 8...4096 ~= $0 ? $0 : nil }
    imageSize = said ?? (settings.architecture.traits.contains(.patches) ? settings.transformer.imageSize : nil)
    mean = Self.colors(file.metadata["mean"])
    standardDeviation = Self.colors(file.metadata["std"]).flatMap { $0.allSatisfy { $0 > 0 } ? $0 : nil }
    encoder = settings.makeEncoder(generator: Generator(seed: 0))
    do {
      report = try PublishedWeights(file.tensors).load(into: encoder, architecture: settings.architecture.name)
    } catch let error as TorchError {
      throw EvaluationError("the weights of \(name) are not those of a \(settings.architecture.name): \(error)")
    }
    encoder.evaluate()
  }

  private static func settings(
    _ metadata: [String: String], _ asked: EncoderArchitecture?, _ name: String
  ) throws -> EncoderSettings {
    let said = metadata["architecture"].flatMap(EncoderArchitecture.init(rawValue:))
    guard let architecture = asked ?? said else {
      throw EvaluationError("\(name) does not say which network it holds")
    }
    guard said == nil || said == architecture else {
      throw EvaluationError("\(name) holds a \(said!.name), not a \(architecture.name)")
    }
    guard said != nil else { return EncoderSettings(architecture) }
    let width = metadata["width"].flatMap { Double($0) }.flatMap { 1.0 / 64...16 ~= $0 ? $0 : nil } ?? 1
    return EncoderSettings(
      architecture, width: width, stem: metadata["stem"].flatMap(ResNet.Stem.init(rawValue:)) ?? .imagenet)
  }

  /// Three finite numbers in JSON.
  private static func colors(_ text: String?) -> [Double]? {
    guard let text, let values = try? JSONDecoder().decode([Double].self, from: Data(text.utf8)), values.count == 3,
      values.allSatisfy(\.isFinite)
    else { return nil }
    return values
  }
}
