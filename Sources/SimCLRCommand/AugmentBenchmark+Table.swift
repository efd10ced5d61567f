import Foundation
import Pretraining

extension AugmentBenchmark.Result {
  /// The same for people.
  var table: String {
    func fixed(_ value: Double) -> String { String(format: "%9.1f", value) }
    let order = ["read", "decode", "resize", "color", "blur", "tensor"]
    let stages = order.map { name in
      "  " + name.padding(toLength: 8, withPad: " ", startingAt: 0) + fixed(microsecondsPerImage[name] ?? 0)
    }
    let (low, high) = (rounds.min() ?? 0, rounds.max() ?? 0)
    return """
      \(fixed(imagesPerSecond).trimmingCharacters(in: .whitespaces)) images/s, two views of \(imageSize) pixels each, on \
      \(threads) threads (median of \(rounds.count); \(Int(low))…\(Int(high)))
      microseconds an image and thread:
      \(stages.joined(separator: "\n"))
      memory: batches \(batchBytes >> 20) MiB, cached pixels \(cachedBytes >> 20) MiB, peak of the process \
      \(peakResidentBytes >> 20) MiB
      """
  }
}
