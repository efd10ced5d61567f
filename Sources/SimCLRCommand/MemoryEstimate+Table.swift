import Pretraining

extension MemoryEstimate {
  /// The estimate for people.
  var table: String {
    let fits =
      switch (availableBytes, largestGlobalBatchSize) {
      case (let available?, 0): "\(Self.size(available)) are free: not even one image fits"
      case (let available?, let largest?):
        "\(Self.size(available)) are free: training.global_batch_size=\(largest) would fit"
          + (largest < globalBatchSize ? ", \(globalBatchSize) does not: \(Self.advice)" : "")
      default: "how much is free is not known"
      }
    return """
      memory of \(processes == 1 ? "the process" : "each of \(processes) processes") on \(device), \(precision), nothing was written
      model            \(Self.size(modelBytes)), \((Double(parameterCount) / 1e6).fixed(2)) million parameters
      optimizer        \(Self.size(optimizerBytes))
      gradients        \(Self.size(gradientBytes)), and what else does not depend on the batch
      activations      \(Self.size(bytesPerImage * imagesAtOnce)): \(Self.size(bytesPerImage)) for each of \(imagesAtOnce) images at once
      all              \(Self.size(totalBytes)), besides \(Self.size(loaderBytes)) of batches ahead in main memory
      \(fits)
      """
  }

  private static let advice =
    "raise training.accumulation_steps, or set training.activation_checkpointing=blocks"

  /// `1.21 GiB`, `44.6 MiB`, `310 KiB`.
  private static func size(_ bytes: Int) -> String {
    switch bytes {
    case (1 << 30)...: "\((Double(bytes) / Double(1 << 30)).fixed(2)) GiB"
    case (1 << 20)...: "\((Double(bytes) / Double(1 << 20)).fixed(1)) MiB"
    default: "\((bytes + 1023) >> 10) KiB"
    }
  }
}
