import Augmentation
import Foundation
import Images
import Pretraining
import Randomness

/// A folder with a few small images and a run folder, both gone with ``remove()``.
struct TrainingFixture {
  let folder: URL

  var data: URL { folder.appendingPathComponent("data") }

  /// - Parameters:
  ///   - imageCount: images of 16 × 16 pixels, each of a color of its own, which all views keep.
  ///   - classCount: folders that they lie in by turns; 0: they have no labels.
  init(imageCount: Int = 24, classCount: Int = 0) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    for number in 0..<classCount {
      try FileManager.default.createDirectory(
        at: data.appendingPathComponent("class \(number)"), withIntermediateDirectories: true)
    }
    for index in 0..<imageCount {
      var random = PhiloxGenerator(seed: 5, epoch: 0, sample: index, stream: 0)
      let color = (0..<3).map { _ in Int(random.next() % 224) }
      let pixels = (0..<(16 * 16 * 3)).map { UInt8(color[$0 % 3] + Int(random.next() % 32)) }
      let bytes = try ImageCodec.encodeJPEG(PixelImage(width: 16, height: 16, pixels: pixels), quality: 90)
      let folder = classCount > 0 ? "class \(index % classCount)/" : ""
      try Data(bytes).write(to: data.appendingPathComponent("\(folder)\(100 + index).jpg"))
    }
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func run(_ name: String) -> RunFolder { RunFolder(folder.appendingPathComponent(name)) }

  /// A network of four channels, batches of 8 images, three epochs, plus `overrides`.
  func configuration(_ overrides: String...) throws -> ResolvedConfiguration {
    let yaml = """
      data: {threads: 2}
      encoder: {architecture: resnet18, width: 0.0625}
      projection_head: {hidden_dimension: 16, output_dimension: 8}
      augmentation: {image_size: 16, jitter_probability: 0, grayscale_probability: 0}
      optimizer: {name: sgd, learning_rate: 0.05, learning_rate_scaling: none}
      schedule: {warmup_epochs: 0}
      training: {global_batch_size: 8, epochs: 3, precision: fp32, device: cpu, threads: 1}
      swav: {prototypes: 8, queue_length: 16, queue_start_epochs: 1, frozen_prototypes_epochs: 0.5}
      dino: {output_dimension: 16, frozen_last_layer_epochs: 0.5, teacher_temperature: 0.07, teacher_temperature_warmup_epochs: 2}
      output: {log_every_steps: 1, checkpoint_minimum_steps: 0}
      """
    return try Configuration(yaml: yaml, overrides: ["data.path=\(data.path)"] + overrides).resolved()
  }
}
