import DataSets
import Encoders
import Loading
import Pretraining
import Torch
import TorchNN

/// Computes the features of images with a frozen encoder, and proves that it stayed frozen: every parameter and buffer
/// has the same bits after as before.
public struct FeatureExtractor {
  public let encoder: any ImageEncoder
  public let device: Device
  /// What convolutions are computed in; features are float32 always.
  public let precision: DType
  private let usesChannelsLast: Bool
  private let frozen: [(name: String, tensor: Tensor)]
  /// The hash of the encoder's state when this extractor was made.
  public let encoderHash: String

  /// Takes the encoder as it is now to be the frozen one.
  ///
  /// - Parameters:
  ///   - encoder: is moved to `device`, and to channels-last memory order if asked; its numbers stay.
  ///   - precision: float32, or bfloat16 or float16 for autocast.
  ///   - channelsLast: the memory order that convolutions like best.
  public init(
    _ encoder: any ImageEncoder, device: Device = .cpu, precision: DType = .float32, channelsLast: Bool = true
  ) {
    precondition(
      [.float32, .bfloat16, .float16].contains(precision),
      "FeatureExtractor: expected float32, bfloat16 or float16, got \(precision)")
    encoder.move(to: device, channelsLast: channelsLast)
    self.encoder = encoder
    self.device = device
    self.precision = precision
    usesChannelsLast = channelsLast
    frozen = encoder.stateDictionary().map { ($0.name, $0.tensor.clone()) }
    encoderHash = encoder.stateHash()
  }

  /// Confirms that no bit of the encoder has changed since this extractor was made.
  ///
  /// - Throws: ``EvaluationError`` naming the first parameter or buffer that has.
  public func requireFrozen() throws {
    let now = encoder.stateDictionary()
    for (before, after) in zip(frozen, now) where !before.tensor.isIdentical(to: after.tensor) {
      throw EvaluationError(
        "the encoder changed while it was evaluated, so the result would not be of the encoder given: "
          + "\(before.name) is not what it was")
    }
  }

  /// Computes the features of all images of a data set that can be read, in its order.
  ///
  /// - Parameters:
  ///   - loader: makes batches of images as they are measured; the batch size decides how much memory it takes.
  ///   - onProgress: hears after each batch how far in the data set it reached, of how many images.
  /// - Throws: `LoadingError` when too many images cannot be read; ``EvaluationError`` when the encoder changed.
  public func features(
    of loader: LabeledLoader, onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Features {
    var values: [Tensor] = []
    var labels: [Int] = []
    var sampleIndices: [Int] = []
    let batches = loader.batches()
    defer { batches.cancel() }
    while let batch = try batches.next() {
      values.append(self(batch.images))
      let unlabeled = [Int](repeating: Features.unlabeled, count: batch.sampleIndices.count)
      labels += batch.labels.isEmpty ? unlabeled : batch.labels
      sampleIndices += batch.sampleIndices
      onProgress(batch.sampleIndices.last! + 1, loader.dataSet.count)
    }
    try requireFrozen()
    return Features(
      values: values.isEmpty ? Tensor.zeros([0, encoder.featureCount]) : Tensor.concatenate(values), labels: labels,
      sampleIndices: sampleIndices, classNames: loader.dataSet.classNames)
  }

  /// Features of images, `[N, 3, S, S]` normalized float32 to `[N, D]` float32 on the CPU, by the running statistics of
  /// BatchNorm and without gradients, whatever mode the encoder is in.
  public func callAsFunction(_ images: Tensor) -> Tensor {
    let wasTraining = encoder.isTraining
    encoder.evaluate()
    defer { if wasTraining { encoder.train() } }
    return withoutGradients {
      let moved = images.to(device: device)
      let features = withAutocast(device, precision) { encoder(usesChannelsLast ? moved.channelsLast() : moved) }
      return features.to(.float32, device: .cpu).contiguous()
    }
  }
}
