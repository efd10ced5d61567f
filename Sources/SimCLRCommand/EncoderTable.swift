import Encoders
import Foundation
import Pretraining
import Torch
import TorchNN

/// What all encoders take, and how fast some of them are on this machine.
struct EncoderTable: Encodable {
  /// A network as it is published.
  struct Row: Encodable {
    let architecture: String
    let parameterCount: Int
    let featureCount: Int
    /// 10⁹ multiplications with an addition each, for an image.
    let gigaMACs: Double
    /// Images a second without gradients, and in training: forward and backward, less loss and update.
    var imagesPerSecond: Double?
    var trainedImagesPerSecond: Double?
  }

  let imageSize: Int
  let precision: String
  private(set) var rows: [Row] = []

  /// - Parameters:
  ///   - imageSize: side of the images in pixels.
  ///   - measured: those that are timed.
  ///   - note: told what is timed.
  init(imageSize: Int, measured: [EncoderArchitecture], note: (String) -> Void) {
    self.imageSize = imageSize
    let precision = TrainingConfiguration.Precision.fastest(on: .cpu)
    self.precision = precision.rawValue
    for architecture in EncoderArchitecture.allCases {
      var encoder = EncoderConfiguration()
      encoder.architecture = architecture
      let settings = encoder.settings(imageSize: imageSize)
      let cost = EncoderCost(of: settings, imageSize: imageSize)
      var row = Row(
        architecture: architecture.name, parameterCount: cost.parameterCount, featureCount: settings.featureCount,
        gigaMACs: Double(cost.multiplications) / 1e9)
      if measured.contains(architecture) {
        note("measuring \(architecture.name)")
        (row.imagesPerSecond, row.trainedImagesPerSecond) = Self.speeds(settings, imageSize, precision.dtype)
      }
      rows.append(row)
    }
  }

  /// Medians of three batches after one, on the CPU with all cores.
  private static func speeds(_ settings: EncoderSettings, _ imageSize: Int, _ dtype: DType) -> (Double, Double) {
    let encoder = settings.makeEncoder(generator: Generator(seed: 0))
    encoder.move(to: .cpu, channelsLast: true)
    let count = 8
    let images = Tensor.randn([count, 3, imageSize, imageSize], generator: Generator(seed: 0)).channelsLast()
    func rate(_ step: () -> Void) -> Double {
      step()
      return Double(count) / (0..<3).map { _ in ContinuousClock().measure(step).seconds }.median
    }
    encoder.evaluate()
    let embedding = rate {
      _ = withoutGradients { withAutocast(.cpu, dtype) { encoder(images) } }.to(.float32).sum().item()
    }
    encoder.train()
    let training = rate {
      withAutocast(.cpu, dtype) { encoder(images).to(.float32).sum() }.backward()
      for parameter in encoder.parameters() { parameter.value.gradient = nil }
    }
    return (embedding, training)
  }

  var lines: [String] {
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func line(_ name: String, _ columns: [String]) -> String {
      name.padding(toLength: 18, withPad: " ", startingAt: 0) + columns.map { column($0, 12) }.joined()
    }
    let isTimed = rows.contains { $0.imagesPerSecond != nil }
    let head = line(
      "encoder", ["parameters", "features", "GMAC/image"] + (isTimed ? ["images/s", "trained/s"] : []))
    return [head]
      + rows.map { row in
        let speeds = [row.imagesPerSecond, row.trainedImagesPerSecond].map {
          $0.map { String(format: "%.1f", $0) } ?? ""
        }
        return line(
          row.architecture,
          [
            String(format: "%.1f M", Double(row.parameterCount) / 1e6), "\(row.featureCount)",
            String(format: "%.2f", row.gigaMACs),
          ] + (isTimed ? speeds : []))
      }
      + ["at \(imageSize) pixels" + (isTimed ? ", on the CPU in \(precision), batches of 8, medians of 3" : "")]
  }
}
