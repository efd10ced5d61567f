import Foundation
import Torch
import TorchDistributed

/// Measures all-reduces of float32 messages by their size.
public struct AllReduceBenchmark {
  /// The size of the largest message.
  public var largestBytes: Int

  /// - Parameter largestBytes: the size of the largest message, at least 4.
  public init(largestBytes: Int) { self.largestBytes = largestBytes }

  /// What was measured, as it is printed with `--json`.
  public struct Result: Codable, Sendable {
    public var processes: Int
    public var messages: [Message]
  }

  /// Messages of one size.
  public struct Message: Codable, Sendable {
    public var bytes: Int
    public var repetitions: Int
    /// The median, in the process where it is longest.
    public var seconds: Double
    /// Bytes a second: the message's, and what a ring sends from each process.
    public var algorithmBandwidth: Double
    public var busBandwidth: Double
  }

  /// Measures it in all processes, which must call it alike.
  ///
  /// - Parameter onSize: told the size of the messages that come next, in bytes.
  /// - Returns: the same in every process.
  /// - Throws: `DistributedError` when another process was lost.
  public func run(with world: World, onSize: (Int) -> Void) throws -> Result {
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
