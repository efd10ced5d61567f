import DataSets
import Images
import Randomness

/// Images of 16 × 16 pixels in two classes: stripes lying and standing, each image with other shades and widths.
struct StripedImages: ImageDataSet {
  let layout = "in memory"
  let count: Int
  var first = 0
  var unreadable: Set<Int> = []
  var isLabeled = true

  var classNames: [String] { isLabeled ? ["horizontal", "vertical"] : [] }

  func label(at index: Int) -> Int? { isLabeled ? index % 2 : nil }

  func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    if unreadable.contains(index) { throw ImageError("\(name(at: index)): unreadable on purpose") }
    var generator = PhiloxGenerator(seed: 1, epoch: 0, sample: first + index, stream: 0)
    let side = 16
    let (period, phase) = (2 + generator.integer(below: 3), generator.integer(below: 8))
    let shades = (0..<6).map { UInt8(generator.integer(below: 96) + ($0 < 3 ? 0 : 160)) }
    let pixels = (0..<side * side).flatMap { pixel -> [UInt8] in
      let along = index % 2 == 0 ? pixel / side : pixel % side
      let start = (along + phase) / period % 2 * 3
      return Array(shades[start..<start + 3])
    }
    _ = buffer.resize(to: pixels.count).update(fromContentsOf: pixels)
    return .pixels(width: side, height: side)
  }

  func name(at index: Int) -> String { "stripes \(index)" }
}
