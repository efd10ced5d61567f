import Randomness

/// How a surface of the `shapes` data set is colored: a pattern that blends two colors.
struct ShapeTexture: Sendable {
  private enum Pattern: CaseIterable {
    case flat, gradient, stripes, checks, dots, clouds, grain
  }

  private static let latticeSide = 8

  private let pattern: Pattern
  private let colors: (SIMD3<Float>, SIMD3<Float>)
  /// Across the pattern: its length is the number of periods in a side of the image.
  private let wave: SIMD2<Float>
  private let phase: SIMD2<Float>
  private let lattice: [Float]
  private let grainKey: UInt32

  /// Draws a texture around a color: the second color lies at most `spread` of lightness away from it.
  init(around color: SIMD3<Float>, spread: Float, using generator: inout PhiloxGenerator) {
    pattern = Pattern.allCases[generator.integer(below: Pattern.allCases.count)]
    let lightness = generator.uniform(between: 0.4 * spread, spread) * (generator.chance(0.5) ? 1 : -1)
    let tint = SIMD3(generator.uniform(), generator.uniform(), generator.uniform()) - 0.5
    colors = (color, color + lightness + tint * 0.2)
    let direction = SIMD2<Float>(direction: generator.uniform(between: -1, 1))
    wave = direction * generator.uniform(between: 3, 8)
    phase = SIMD2(generator.uniform(), generator.uniform())
    lattice = (0..<Self.latticeSide * Self.latticeSide).map { _ in generator.uniform() }
    grainKey = UInt32(truncatingIfNeeded: generator.next())
  }

  /// The color at a position, where the image spans 0…1 both ways; `pixel` numbers the pixels.
  func color(at position: SIMD2<Float>, pixel: Int) -> SIMD3<Float> {
    colors.0 + (colors.1 - colors.0) * blend(position, pixel)
  }

  private func blend(_ position: SIMD2<Float>, _ pixel: Int) -> Float {
    switch pattern {
    case .flat: return 0
    case .gradient:
      // One sweep over the image, in the wave's direction.
      return min(max(((position - 0.5) * wave).sum() / length(wave) + 0.5, 0), 1)
    case .stripes: return Self.band((position * wave).sum() + phase.x)
    case .checks:
      let first = Self.band((position * wave).sum() + phase.x)
      let second = Self.band((position * SIMD2(-wave.y, wave.x)).sum() + phase.y)
      return first + second - 2 * first * second
    case .dots:
      let cell = SIMD2((position * wave).sum(), (position * SIMD2(-wave.y, wave.x)).sum()) + phase
      let offset = cell - cell.rounded(.down) - 0.5
      return min(max((0.33 - length(offset)) * 8, 0), 1)
    case .clouds: return cloud(position * Float(Self.latticeSide - 1) * 0.999)
    case .grain:
      var hash = (UInt32(truncatingIfNeeded: pixel) ^ grainKey) &* 0x9E37_79B1
      hash = (hash ^ hash >> 15) &* 0x85EB_CA77
      return Float((hash ^ hash >> 13) >> 8) * 0x1p-24
    }
  }

  /// A wave of period 1 between 0 and 1 with short slopes.
  private static func band(_ value: Float) -> Float {
    let share = value - value.rounded(.down)
    return min(max((0.25 - abs(share - 0.5)) * 5 + 0.5, 0), 1)
  }

  /// Smooth interpolation between random values on a lattice.
  private func cloud(_ position: SIMD2<Float>) -> Float {
    let corner = position.rounded(.down)
    let share = position - corner
    let weight = share * share * (3 - 2 * share)
    let index = Int(corner.y) * Self.latticeSide + Int(corner.x)
    let top = lattice[index] + (lattice[index + 1] - lattice[index]) * weight.x
    let below = index + Self.latticeSide
    let bottom = lattice[below] + (lattice[below + 1] - lattice[below]) * weight.x
    return top + (bottom - top) * weight.y
  }
}

extension SIMD2<Float> {
  /// The unit vector whose half angle has the given tangent: every direction of a half circle for −1…1. Unlike sine and
  /// cosine from a library, it is rounded alike on every machine.
  init(direction tangent: Float) {
    let square = tangent * tangent
    self.init((1 - square) / (1 + square), 2 * tangent / (1 + square))
  }
}

extension PhiloxGenerator {
  /// A number from the given bounds, the upper one excluded.
  mutating func uniform(between low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }
}
