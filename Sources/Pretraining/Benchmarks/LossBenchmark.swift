import Keys
import Methods
import Torch
import TorchDistributed

/// Measures `NTXentLoss`, forward and backward, on random projections.
public struct LossBenchmark {
  /// Pairs of views, over all processes, which must be able to share them.
  public var pairs = 4096
  /// Elements of a projection.
  public var dimension = 128
  /// Runs that count, after one in which memory is taken; at least 1.
  public var runs = 5

  private let configuration: ResolvedConfiguration
  private let world: World

  /// - Parameters:
  ///   - configuration: resolved; its loss, precision (of the projections), device and threads are used.
  ///   - world: the processes that share the pairs; all must measure alike.
  public init(_ configuration: ResolvedConfiguration, with world: World = .alone()) {
    (self.configuration, self.world) = (configuration, world)
  }

  /// - Parameter onRun: told before each run its number out of how many, from 1.
  /// - Returns: the same in every process.
  /// - Throws: `ConfigurationError` when the pairs cannot be shared or the device is not there; `DistributedError`.
  public func run(onRun: (_ run: Int, _ count: Int) -> Void = { _, _ in }) throws -> LossFigures {
    let device = try world.sharingFailures { try preparedDevice() }
    let views = (0..<2).map { projections(of: $0, on: device) }
    let ntXent = NTXentLoss(configuration.loss, over: world.group)
    func measure() throws -> [Double] {
      try (0...runs).map { run in
        onRun(run + 1, runs + 1)
        device.synchronize()
        let start = ContinuousClock.now
        ntXent(views[0], views[1]).backward()
        device.synchronize()
        for view in views { view.gradient = nil }
        return try longest(start.duration(to: .now).seconds)
      }
    }
    let measured = try MemoryWatch.peakBytes(on: device) {
      device == .cpu ? try ProcessMemory.peakGrowth(of: measure) : (result: try measure(), bytes: 0)
    }
    let (seconds, bytes) = (measured.result.result, max(measured.bytes, measured.result.bytes))
    var figures = LossFigures(configuration, seconds: Array(seconds.dropFirst()), pairs: pairs, dimension: dimension)
    figures.peakBytes = Int(try longest(Double(bytes)))
    figures.productOperationsPerSecond = 1 / (try longest(secondsPerOperation(on: device))) * Double(world.size)
    (figures.processes, figures.threadsPerProcess, figures.device) = (world.size, TorchRuntime.threadCount, "\(device)")
    figures.count(views: 2 * pairs, own: 2 * pairs / world.size)
    return figures
  }

  private func preparedDevice() throws -> Device {
    guard pairs % world.size == 0 else {
      throw ConfigurationError("\(world.size) processes cannot share \(pairs) pairs of views evenly")
    }
    let training = configuration.training
    TorchRuntime.setThreadCount(training.threads > 0 ? training.threads : world.coreCount)
    return try training.device(localRank: world.localRank)
  }

  private func projections(of view: Int, on device: Device) -> Tensor {
    let generator = Generator(seed: UInt64(2 * world.rank + view))
    return Tensor.randn([pairs / world.size, dimension], generator: generator)
      .to(configuration.training.precision.dtype, device: device).requireGradient()
  }

  /// What a multiplication or an addition takes in a product of the loss's kind: a block of similarities.
  private func secondsPerOperation(on device: Device) -> Double {
    let dtype = configuration.training.precision == .fp64 ? DType.float64 : .float32
    let rows = Tensor.ones([device == .cpu ? 512 : 4096, dimension], dtype: dtype, device: device)
    let block = Tensor.zeros([rows.shape[0], rows.shape[0]], dtype: dtype, device: device)
    let products = 20
    let seconds = (0..<5).map { _ in
      let start = ContinuousClock.now
      for _ in 0..<products { block.addmm_(rows, rows.transposed(), beta: 0) }
      device.synchronize()
      return start.duration(to: .now).seconds
    }
    return seconds.median / Double(products * 2 * block.count * dimension)
  }

  private func longest(_ seconds: Double) throws -> Double {
    let value = Tensor([seconds])
    try world.group.allReduce(value, .maximum)
    return value.item()
  }
}
