import Augmentation
import Foundation
import Torch

/// Memory for the images of one batch, filled by many threads, each at its own places, and then handed to a tensor
/// without a copy.
final class ImageBuffer: @unchecked Sendable {
  /// How the samples of an image lie in memory.
  enum Layout {
    /// `[3, S, S]`, float32.
    case planes
    /// `[S, S, 3]`, float32.
    case channelsLast
    /// `[S, S, 3]`, bfloat16.
    case channelsLastBFloat16
    /// `[S, S, 3]`, float16.
    case channelsLastFloat16
    /// `[3, S, S]`, levels as bytes, not normalized.
    case levels
  }

  private let pool: BatchMemory
  /// What has the memory where it is not the pool's.
  private let pinned: Tensor?
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  private let imageSize: Int
  private let layout: Layout
  private let bytesPerImage: Int
  private var isHandedOver = false

  /// Room for `count` images of `imageSize` × `imageSize` pixels.
  ///
  /// - Parameter isPinned: whether it is to be memory that CUDA devices read by themselves, if there is any.
  /// - Throws: `LoadingError` when the system has no such memory.
  init(count: Int, imageSize: Int, layout: Layout, pool: BatchMemory, isPinned: Bool = false) throws {
    self.imageSize = imageSize
    self.layout = layout
    self.pool = pool
    bytesPerImage = 3 * imageSize * imageSize * layout.dtype.byteCount
    bytes = max(1, count * bytesPerImage)
    pinned = isPinned ? Tensor.pinned(layout.shape(count, imageSize), dtype: layout.dtype) : nil
    memory = try pinned?.address ?? pool.take(bytes: bytes)
  }

  deinit {
    if !isHandedOver, pinned == nil { pool.give(memory, bytes: bytes) }
  }

  /// The floats of one image.
  func floats(_ place: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: (memory + place * bytesPerImage).assumingMemoryBound(to: Float.self), count: 3 * imageSize * imageSize)
  }

  /// Writes one image.
  func write(_ planes: PixelPlanes, normalizedBy normalization: PixelNormalization, at place: Int) {
    let destination = memory + place * bytesPerImage
    switch layout {
    case .planes: preconditionFailure("ImageBuffer: views are written channels-last")
    case .channelsLast: normalization.write(planes, to: destination.assumingMemoryBound(to: Float.self))
    case .channelsLastBFloat16:
      normalization.write(planes, toBFloat16: destination.assumingMemoryBound(to: UInt16.self))
    case .channelsLastFloat16:
      normalization.write(planes, toFloat16: destination.assumingMemoryBound(to: Float16.self))
    case .levels: destination.copyMemory(from: planes[0], byteCount: bytesPerImage)
    }
  }

  /// Closes gaps: the images at `places` (ascending) move to the front.
  func keep(_ places: [Int]) {
    for (target, source) in places.enumerated() where target != source {
      (memory + target * bytesPerImage).copyMemory(from: memory + source * bytesPerImage, byteCount: bytesPerImage)
    }
  }

  /// The first `count` images as a tensor `[count, 3, imageSize, imageSize]` that owns the memory from here on. To be
  /// called once, when no thread writes any more.
  func tensor(count: Int) -> Tensor {
    precondition(!isHandedOver, "ImageBuffer: its memory belongs to a tensor already")
    isHandedOver = true
    let images =
      pinned?.narrow(0, 0..<count)
      ?? Tensor(
        sharing: memory, shape: layout.shape(count, imageSize), dtype: layout.dtype,
        release: { [pool, bytes] in pool.give($0, bytes: bytes) })
    return layout.isChannelsLast ? images.permuted([0, 3, 1, 2]) : images
  }
}

extension ImageBuffer.Layout {
  var dtype: DType {
    switch self {
    case .planes, .channelsLast: .float32
    case .channelsLastBFloat16: .bfloat16
    case .channelsLastFloat16: .float16
    case .levels: .uint8
    }
  }

  fileprivate var isChannelsLast: Bool {
    switch self {
    case .planes, .levels: false
    case .channelsLast, .channelsLastBFloat16, .channelsLastFloat16: true
    }
  }

  fileprivate func shape(_ count: Int, _ side: Int) -> [Int] {
    isChannelsLast ? [count, side, side, 3] : [count, 3, side, side]
  }
}
