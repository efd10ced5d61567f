import Foundation
import Pretraining
import Torch
import TorchDistributed

/// Measures all-reduces of float32 messages by their size.
struct AllReduceBenchmark {
  var largestBytes: Int

  /// What was measured, as it is printed with `--json`.
  struct Result: Codable {
    var processes: Int
    var messages: [Message]
  }

  struct Message: Codable {
    var bytes: Int
    var repetitions: Int
    /// The median, in the process where it is longest.
    var seconds: Double
    /// Bytes a second: the message's, and what a ring sends from each process.
    var algorithmBandwidth: Double
    var busBandwidth: Double
  }

  /// - Parameter onSize: told the size of the messages that come next, in bytes.
  /// - Returns: the same in every process.
  func run(with world: World, onSize: (Int) -> Void) throws -> Result {
    Result(
      processes: world.size,
      messages: try sizes.map { bytes in
        onSize(bytes)
        return try measure(bytes, in: world)
      })
  }

  /// 4 bytes, then sixteen times as many, up to the largest.
  private var sizes: [Int] {
    sequence(first: 4) { $0 * 16 }.prefix { $0 < largestBytes } + [largestBytes]
  }

  private func measure(_ bytes: Int, in world: World) throws -> Message {
    let message = Tensor.zeros([bytes / 4])
    let repetitions = max(7, min(300, (64 << 20) / bytes))
    var seconds: [Double] = []
    for repetition in -2..<repetitions {
      let start = ContinuousClock.now
      try world.group.allReduce(message)
      if repetition >= 0 { seconds.append(start.duration(to: .now).seconds) }
    }
    let slowest = Tensor([seconds.median])
    try world.group.allReduce(slowest, .maximum)
    let median: Double = slowest.item()
    let bandwidth = Double(bytes) / median
    return Message(
      bytes: bytes, repetitions: repetitions, seconds: median, algorithmBandwidth: bandwidth,
      busBandwidth: bandwidth * 2 * Double(world.size - 1) / Double(world.size))
  }
}

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
