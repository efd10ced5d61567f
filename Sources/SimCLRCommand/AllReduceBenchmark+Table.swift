import Foundation
import Pretraining

extension AllReduceBenchmark.Result {
  /// The same for people.
  var table: String {
    func cell(_ text: String) -> String { String(repeating: " ", count: max(0, 14 - text.count)) + text }
    let rows = messages.map { message in
      cell("\(message.bytes)") + cell((message.seconds * 1e6).fixed(1))
        + cell((message.algorithmBandwidth / 1e6).fixed(1)) + cell((message.busBandwidth / 1e6).fixed(1))
    }
    let head = ["bytes", "latency µs", "algorithm MB/s", "bus MB/s"].map(cell).joined()
    return (["all-reduce between \(processes) processes, medians", head] + rows).joined(separator: "\n")
  }
}
