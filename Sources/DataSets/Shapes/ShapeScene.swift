import Images
import Randomness

/// One image of the `shapes` data set: an outline in front of a background. All that varies is drawn without regard to
/// the outline's class.
struct ShapeScene: Sendable {
  /// A small disc or bar in the background.
  private struct Clutter {
    let center: SIMD2<Float>
    let direction: SIMD2<Float>
    let halfLength: Float
    let radius: Float
    let color: SIMD3<Float>

    func signedDistance(_ position: SIMD2<Float>) -> Float {
      let offset = position - center
      let along = min(max((offset * direction).sum(), -halfLength), halfLength)
      return length(offset - direction * along) - radius
    }
  }

  private let outline: ShapeOutline
  private let center: SIMD2<Float>
  private let scale: Float
  /// Cosine and sine of the rotation.
  private let rotation: SIMD2<Float>
  private let surface: ShapeTexture
  private let background: ShapeTexture
  private let clutter: [Clutter]

  init(of outline: ShapeOutline, using generator: inout PhiloxGenerator) {
    self.outline = outline
    // The area is drawn, not the width: a ring is wider than a disc of the same area, but colors nothing more.
    scale = generator.uniform(between: 0.14, 0.26).squareRoot()
    let room = max(0.5 - outline.extent * scale, 0.05)
    center = SIMD2(generator.uniform(between: -room, room), generator.uniform(between: -room, room)) + 0.5
    // Within ±30 degrees: an arrow still points up, and a square does not become a diamond.
    rotation = SIMD2(direction: generator.uniform(between: -0.268, 0.268))

    let backgroundLightness = generator.uniform(between: 0.15, 0.85)
    let contrast = generator.uniform(between: 0.3, 0.5)
    let isLighter = generator.chance(0.5)
    let lighter = backgroundLightness + contrast
    let darker = backgroundLightness - contrast
    let surfaceLightness = (isLighter && lighter <= 0.95) || darker < 0.05 ? lighter : darker
    let backgroundColor = Self.color(lightness: backgroundLightness, using: &generator)
    let surfaceColor = Self.color(lightness: surfaceLightness, using: &generator)
    background = ShapeTexture(around: backgroundColor, spread: 0.18, using: &generator)
    surface = ShapeTexture(around: surfaceColor, spread: 0.18, using: &generator)

    let isCluttered = generator.chance(0.4)
    clutter = (0..<(isCluttered ? 3 + generator.integer(below: 5) : 0)).map { _ in
      Clutter(
        center: SIMD2(generator.uniform(), generator.uniform()),
        direction: SIMD2(direction: generator.uniform(between: -1, 1)),
        halfLength: generator.chance(0.5) ? generator.uniform(between: 0.03, 0.12) : 0,
        radius: generator.uniform(between: 0.012, 0.045),
        color: Self.color(
          lightness: backgroundLightness + generator.uniform(between: -0.25, 0.25), using: &generator))
    }
  }

  /// Draws the scene, with edges smoothed over one pixel.
  func render(sizePixels size: Int) -> PixelImage {
    let side = Float(size)
    let pixels = [UInt8](unsafeUninitializedCapacity: size * size * 3) { pixels, initializedCount in
      for pixel in 0..<size * size {
        let position = SIMD2(Float(pixel % size) + 0.5, Float(pixel / size) + 0.5) / side
        let offset = (position - center) / scale
        let turned = SIMD2(
          offset.x * rotation.x + offset.y * rotation.y, offset.x * rotation.y - offset.y * rotation.x)
        let coverage = Self.coverage(outline.signedDistance(turned) * scale * side)
        var color = SIMD3<Float>()
        if coverage < 1 {
          color = background.color(at: position, pixel: pixel)
          for piece in clutter {
            color += (piece.color - color) * Self.coverage(piece.signedDistance(position) * side)
          }
        }
        if coverage > 0 {
          color += (surface.color(at: position, pixel: pixel) - color) * coverage
        }
        let bytes = color.clamped(lowerBound: .zero, upperBound: .one) * 255 + 0.5
        pixels[3 * pixel] = UInt8(bytes.x)
        pixels[3 * pixel + 1] = UInt8(bytes.y)
        pixels[3 * pixel + 2] = UInt8(bytes.z)
      }
      initializedCount = size * size * 3
    }
    return PixelImage(width: size, height: size, pixels: pixels)
  }

  /// Share of a pixel that lies inside, from the distance of its center to the edge in pixels.
  private static func coverage(_ distance: Float) -> Float { min(max(0.5 - distance, 0), 1) }

  /// A random color of the given lightness.
  private static func color(lightness: Float, using generator: inout PhiloxGenerator) -> SIMD3<Float> {
    let tint = SIMD3(generator.uniform(), generator.uniform(), generator.uniform())
    let weights = SIMD3<Float>(0.299, 0.587, 0.114)
    return (tint - (tint * weights).sum()) * 0.55 + lightness
  }
}
