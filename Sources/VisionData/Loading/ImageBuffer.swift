import Foundation
import Torch

/// Memory for the normalised images of one batch, filled by many threads, each at its own places, and then handed to a
/// tensor without a copy.
final class ImageBuffer: @unchecked Sendable {
  private let floats: UnsafeMutablePointer<Float>
  private let imageSize: Int
  private var isHandedOver = false

  /// Room for `count` images of `[3, imageSize, imageSize]`.
  init(count: Int, imageSize: Int) {
    self.imageSize = imageSize
    // malloc rather than Swift's allocator, because the tensor gives it back with free. A batch is tens of megabytes:
    // where the system has no such memory left, the program cannot go on.
    let bytes = max(1, count * 3 * imageSize * imageSize * MemoryLayout<Float>.stride)
    guard let memory = malloc(bytes) else {
      fatalError("no memory for a batch of \(count) images of \(imageSize) pixels (\(bytes) bytes): use a smaller one")
    }
    floats = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }

  deinit {
    if !isHandedOver { free(floats) }
  }

  /// The memory of one image.
  func image(_ place: Int) -> UnsafeMutableBufferPointer<Float> {
    let count = 3 * imageSize * imageSize
    return UnsafeMutableBufferPointer(start: floats + place * count, count: count)
  }

  /// Closes gaps: the images at `places` (ascending) move to the front.
  func keep(_ places: [Int]) {
    for (target, source) in places.enumerated() where target != source {
      image(target).baseAddress!.update(from: image(source).baseAddress!, count: 3 * imageSize * imageSize)
    }
  }

  /// The first `count` images as a tensor `[count, 3, imageSize, imageSize]` that owns the memory from here on. To be
  /// called once, when no thread writes any more.
  func tensor(count: Int) -> Tensor {
    precondition(!isHandedOver, "ImageBuffer: its memory belongs to a tensor already")
    isHandedOver = true
    return Tensor(
      sharing: UnsafeMutableRawPointer(floats), shape: [count, 3, imageSize, imageSize], dtype: .float32,
      release: { free($0) })
  }
}
