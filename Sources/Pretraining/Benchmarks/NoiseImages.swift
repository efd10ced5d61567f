import DataSets
import Images
import Randomness

/// Images of random pixels, for measuring where there are no others.
struct NoiseImages: ImageDataSet {
  let layout = "noise in memory"
  let count: Int
  /// Width and height in pixels.
  let side: Int

  /// Some, for methods that learn from labels.
  var classNames: [String] { (0..<10).map { "noise \($0)" } }

  func label(at index: Int) -> Int? { index % 10 }

  func read(at index: Int, into buffer: ByteBuffer) -> StoredImage {
    var random = PhiloxGenerator(seed: 0, epoch: 0, sample: index, stream: 0)
    let pixels = buffer.resize(to: side * side * 3)
    for place in pixels.indices { pixels[place] = UInt8.random(in: 0...255, using: &random) }
    return .pixels(width: side, height: side)
  }

  func name(at index: Int) -> String { "noise \(index)" }
}
