import Synchronization

/// Keeps the pixels of small images, so that they are read and decoded once and not in every epoch. Safe to use from
/// many threads.
///
/// It changes how fast images come, and nothing else: what it holds is what decoding gives again.
final class PixelCache: @unchecked Sendable {
  /// Pixels of the largest image that is kept: 256 × 256.
  static let largestImage = 1 << 16

  private struct Entry: @unchecked Sendable {
    let pixels: UnsafeMutablePointer<UInt8>
    let width: Int32
    let height: Int32
  }

  private struct State {
    var entries: [Entry?]
    var bytes = 0
  }

  private let capacity: Int
  private let state: Mutex<State>

  /// - Parameters:
  ///   - imageCount: Images in the data set.
  ///   - capacity: Bytes of pixels that it holds at most.
  init(imageCount: Int, capacity: Int) {
    self.capacity = capacity
    state = Mutex(State(entries: Array(repeating: nil, count: imageCount)))
  }

  deinit {
    state.withLock { for entry in $0.entries { entry?.pixels.deallocate() } }
  }

  /// Bytes of pixels held.
  var bytes: Int { state.withLock { $0.bytes } }

  /// The pixels of an image, interleaved and without gaps, which last as long as the cache; nil when it does not hold them.
  func image(at index: Int) -> (pixels: UnsafePointer<UInt8>, width: Int, height: Int)? {
    // An entry is never removed nor changed, so that it may be used outside the lock.
    guard let entry = state.withLock({ $0.entries[index] }) else { return nil }
    return (UnsafePointer(entry.pixels), Int(entry.width), Int(entry.height))
  }

  /// Takes a copy, if there is room for it and there is none yet.
  func keep(_ pixels: UnsafePointer<UInt8>, bytesPerRow: Int, width: Int, height: Int, at index: Int) {
    let bytes = 3 * width * height
    let isWanted = state.withLock { state in
      guard state.entries[index] == nil, state.bytes + bytes <= capacity else { return false }
      state.bytes += bytes
      return true
    }
    guard isWanted else { return }
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
    for row in 0..<height {
      (copy + row * 3 * width).update(from: pixels + row * bytesPerRow, count: 3 * width)
    }
    let entry = Entry(pixels: copy, width: Int32(width), height: Int32(height))
    let isFirst = state.withLock { state in
      guard state.entries[index] == nil else {
        state.bytes -= bytes
        return false
      }
      state.entries[index] = entry
      return true
    }
    if !isFirst { copy.deallocate() }
  }
}
