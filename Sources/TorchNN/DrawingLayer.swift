import Dispatch
import Randomness
import Torch

/// Which images a batch holds: random numbers of layers are drawn for each of them by these, so that they do not depend on
/// who shares the batch or on what was drawn before.
public struct ImageKeys: Equatable, Sendable {
  public var seed: UInt64
  public var epoch: Int
  /// Index in the data set of each image.
  public var samples: [Int]
  /// Which view of the images it is, 0 ..< 2¹⁵.
  public var view: Int

  public init(seed: UInt64, epoch: Int, samples: [Int], view: Int = 0) {
    (self.seed, self.epoch, self.samples, self.view) = (seed, epoch, samples, view)
  }

  /// The numbers of the image in a row, for the layer of a number. Streams below 2³¹ are those of augmentation.
  fileprivate func generator(row: Int, layer: Int) -> PhiloxGenerator {
    PhiloxGenerator(
      seed: seed, epoch: epoch, sample: samples[row], stream: 1 << 31 | UInt32(view) << 16 | UInt32(layer))
  }
}

/// A layer that draws random numbers for each image in training. Where nobody says which images it sees, it draws none and
/// passes its input on, as in evaluation.
open class DrawingLayer: Module {
  /// Which images its input holds.
  public final var images: ImageKeys?
  /// The share of what it takes away, from 0 to below 1.
  public final let rate: Double
  /// Tells it from the other layers of a network, 0 ..< 2¹⁶.
  public final let number: Int

  public init(rate: Double, number: Int) {
    precondition(0 <= rate && rate < 1, "\(Self.self): a rate lies in 0 ..< 1, got \(rate)")
    (self.rate, self.number) = (rate, number)
  }

  /// What each image's row of the input is multiplied by: `[N]` or more dimensions, float32 on the CPU.
  func factors(for input: Tensor, _ images: ImageKeys) -> Tensor {
    preconditionFailure("\(type(of: self)) does not say what it multiplies by")
  }

  public final override func callAsFunction(_ input: Tensor) -> Tensor {
    guard isTraining && rate > 0, let images else { return input }
    precondition(
      images.samples.count == input.shape[0],
      "\(type(of: self)): \(images.samples.count) images are named, and the input has \(input.shape[0])")
    return input * factors(for: input, images).to(input.dtype, device: input.device)
  }
}

/// Leaves a branch out for some images, so that only what it is added to remains, and multiplies it for the others, so that the mean
/// stays (Huang et al. 2016, arXiv 1603.09382). Input `[N, …]`.
public final class StochasticDepth: DrawingLayer {
  override func factors(for input: Tensor, _ images: ImageKeys) -> Tensor {
    let factors = images.samples.indices.map { row -> Float in
      var generator = images.generator(row: row, layer: number)
      return generator.chance(rate) ? 0 : Float(1 / (1 - rate))
    }
    return Tensor(factors, shape: [input.shape[0]] + Array(repeating: 1, count: input.rank - 1))
  }
}

/// Sets some elements to 0 and multiplies the others, so that the mean stays (Srivastava et al. 2014). Input `[N, …]`.
public final class Dropout: DrawingLayer {
  override func factors(for input: Tensor, _ images: ImageKeys) -> Tensor {
    let (rows, length) = (input.shape[0], input.count / input.shape[0])
    let (threshold, kept) = (UInt64((rate * 0x1p32).rounded()), Float(1 / (1 - rate)))
    let factors = [Float](unsafeUninitializedCapacity: rows * length) { buffer, initialized in
      nonisolated(unsafe) let elements = buffer
      let number = number
      DispatchQueue.concurrentPerform(iterations: rows) { row in
        var generator = images.generator(row: row, layer: number)
        // Each half of what is drawn decides on an element.
        for index in stride(from: 0, to: length, by: 2) {
          let bits = generator.next()
          elements[row * length + index] = bits & 0xffff_ffff < threshold ? 0 : kept
          if index + 1 < length { elements[row * length + index + 1] = bits >> 32 < threshold ? 0 : kept }
        }
      }
      initialized = rows * length
    }
    return Tensor(factors, shape: input.shape)
  }
}

extension Module {
  /// The layers that draw random numbers in this module, in the order of declaration.
  public final func drawingLayers() -> [DrawingLayer] { submodules().compactMap { $0 as? DrawingLayer } }
}

extension [DrawingLayer] {
  /// Runs `body` with these layers seeing images; afterwards they see those that they saw before.
  public func seeing<Result>(_ images: ImageKeys?, _ body: () throws -> Result) rethrows -> Result {
    let before = map(\.images)
    for layer in self { layer.images = images }
    defer { for (layer, images) in zip(self, before) { layer.images = images } }
    return try body()
  }
}
