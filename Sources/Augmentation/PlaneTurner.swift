import Foundation

/// Turns images, in memory that it keeps.
final class PlaneTurner {
  private var memory = ScratchMemory<UInt8>()

  init() {}

  /// Turns against the clock; NumPy's and PyTorch's `rot90`.
  func turn(_ planes: PixelPlanes, quarterTurns: Int) {
    let (width, height) = (planes.width, planes.height)
    let source = copy(of: planes)
    let turns = quarterTurns & 3
    if turns % 2 == 1 { planes.resize(width: height, height: width) }
    for channel in 0..<3 {
      let (from, to) = (source + channel * planes.count, planes[channel])
      for row in 0..<planes.height {
        for column in 0..<planes.width {
          let place =
            switch turns {
            case 1: column * width + width - 1 - row
            case 2: (height - 1 - row) * width + width - 1 - column
            case 3: (height - 1 - column) * width + row
            default: row * width + column
            }
          to[row * planes.width + column] = from[place]
        }
      }
    }
  }

  /// Turns against the clock about the middle; torchvision's `rotate` with bilinear interpolation. What comes from beyond
  /// the edge is black, and so is its share of the pixels at the edge.
  func rotate(_ planes: PixelPlanes, degrees: Double) {
    let (width, height) = (planes.width, planes.height)
    let source = copy(of: planes)
    let (sine, cosine) = (Float(sin(degrees * .pi / 180)), Float(cos(degrees * .pi / 180)))
    let (middleX, middleY) = (Float(width) / 2 - 0.5, Float(height) / 2 - 0.5)
    for row in 0..<height {
      let y = Float(row) - middleY
      for column in 0..<width {
        let x = Float(column) - middleX
        let (fromX, fromY) = (cosine * x - sine * y + middleX, sine * x + cosine * y + middleY)
        let (left, top) = (fromX.rounded(.down), fromY.rounded(.down))
        let (right, lower) = (fromX - left, fromY - top)
        let (firstColumn, firstRow) = (Int(left), Int(top))
        let isInside = (0..<width - 1).contains(firstColumn) && (0..<height - 1).contains(firstRow)
        for channel in 0..<3 {
          let plane = source + channel * width * height
          func level(_ row: Int, _ column: Int) -> Float {
            let isThere = isInside || (0..<width).contains(column) && (0..<height).contains(row)
            return isThere ? Float(plane[row * width + column]) : 0
          }
          let above = level(firstRow, firstColumn) * (1 - right) + level(firstRow, firstColumn + 1) * right
          let below = level(firstRow + 1, firstColumn) * (1 - right) + level(firstRow + 1, firstColumn + 1) * right
          planes[channel][row * width + column] =
            UInt8((above * (1 - lower) + below * lower).rounded(.toNearestOrEven))
        }
      }
    }
  }

  private func copy(of planes: PixelPlanes) -> UnsafeMutablePointer<UInt8> {
    let copy = memory.room(for: 3 * planes.count)
    copy.update(from: planes[0], count: 3 * planes.count)
    return copy
  }
}
