/// The outlines of the `shapes` data set, each with area 1 and its centroid at the origin, y upwards.
///
/// Equal areas are what keeps the statistics of colors from telling the classes apart. Only additions, multiplications,
/// divisions and square roots are used, which every machine rounds alike.
enum ShapeOutline: Sendable {
  case polygon([SIMD2<Float>])
  case disc
  case ring
  case crescent
  case heart

  /// Class names in order of their labels, with their outlines.
  static let all: [(name: String, outline: ShapeOutline)] = [
    ("arrow", polygon(normalizing: arrowVertices)),
    ("circle", .disc),
    ("crescent", .crescent),
    ("cross", polygon(normalizing: crossVertices)),
    ("heart", .heart),
    ("pentagon", polygon(normalizing: fifths)),
    ("ring", .ring),
    ("square", polygon(normalizing: [SIMD2(-1, -1), SIMD2(1, -1), SIMD2(1, 1), SIMD2(-1, 1)])),
    ("star", polygon(normalizing: starVertices)),
    ("triangle", polygon(normalizing: [SIMD2(0, 1), SIMD2(-0.866_025_4, -0.5), SIMD2(0.866_025_4, -0.5)])),
  ]

  /// Distance from a point to the outline, negative inside; exact near the outline, which is where it is used.
  func signedDistance(_ point: SIMD2<Float>) -> Float {
    switch self {
    case .polygon(let vertices): return Self.signedDistance(point, vertices)
    case .disc: return length(point) - 0.564_189_6
    case .ring:
      // Outer radius 0.675543, inner radius 0.55 of it.
      return abs(length(point) - 0.523_545_8) - 0.151_997_2
    case .crescent:
      // A disc of radius 1 less one of radius 0.85 half a unit to the right, shifted and scaled to centroid and area.
      let scale: Float = 0.847_290_4
      let unscaled = point / scale + SIMD2(-0.424_153_7, 0)
      return max(length(unscaled) - 1, 0.85 - length(unscaled - SIMD2(0.5, 0))) * scale
    case .heart:
      // A square of side 1 on its corner, with a half disc on each of its upper sides.
      let scale: Float = 0.748_397_7
      let unscaled = point / scale + SIMD2(0, 0.221_5)
      let turned = SIMD2(unscaled.x + unscaled.y, unscaled.y - unscaled.x) * 0.707_106_8
      let side = SIMD2(abs(turned.x), abs(turned.y)) - 0.5
      let square = length(side.clamped(lowerBound: .zero, upperBound: SIMD2(repeating: 1e9))) + min(side.max(), 0)
      let discs = length(SIMD2(abs(unscaled.x), unscaled.y) - 0.353_553_4) - 0.5
      return min(square, discs) * scale
    }
  }

  /// Radius of a disc around the centroid that holds the outline.
  var extent: Float {
    switch self {
    case .polygon(let vertices): vertices.map { length($0) }.max() ?? 0
    case .disc: 0.564_19
    case .ring: 0.675_55
    case .crescent: 0.91
    case .heart: 0.695
    }
  }

  // MARK: - Polygons

  /// Five points of the unit circle, the first at the top.
  private static let fifths: [SIMD2<Float>] = [
    SIMD2(0, 1), SIMD2(-0.951_056_5, 0.309_017), SIMD2(-0.587_785_3, -0.809_017), SIMD2(0.587_785_3, -0.809_017),
    SIMD2(0.951_056_5, 0.309_017),
  ]

  private static let starVertices: [SIMD2<Float>] = (0..<5).flatMap { [fifths[$0], fifths[($0 + 3) % 5] * -0.45] }

  private static let arrowVertices: [SIMD2<Float>] = [
    SIMD2(0, 0.8), SIMD2(-0.55, 0.05), SIMD2(-0.22, 0.05), SIMD2(-0.22, -0.8), SIMD2(0.22, -0.8), SIMD2(0.22, 0.05),
    SIMD2(0.55, 0.05),
  ]

  private static let crossVertices: [SIMD2<Float>] = [
    SIMD2(-1, 3), SIMD2(-1, 1), SIMD2(-3, 1), SIMD2(-3, -1), SIMD2(-1, -1), SIMD2(-1, -3), SIMD2(1, -3), SIMD2(1, -1),
    SIMD2(3, -1), SIMD2(3, 1), SIMD2(1, 1), SIMD2(1, 3),
  ]

  /// Shifts a polygon to its centroid and scales it to area 1.
  private static func polygon(normalizing vertices: [SIMD2<Float>]) -> ShapeOutline {
    var area: Float = 0
    var moment = SIMD2<Float>()
    for (start, end) in zip(vertices, vertices.dropFirst() + vertices.prefix(1)) {
      let cross = start.x * end.y - end.x * start.y
      area += cross / 2
      moment += (start + end) * (cross / 6)
    }
    let centroid = moment / area
    let scale = 1 / abs(area).squareRoot()
    return .polygon(vertices.map { ($0 - centroid) * scale })
  }

  private static func signedDistance(_ point: SIMD2<Float>, _ vertices: [SIMD2<Float>]) -> Float {
    var nearest = Float.infinity
    var isInside = false
    var start = vertices[vertices.count - 1]
    for end in vertices {
      let edge = end - start
      let offset = point - start
      let along = min(max((offset * edge).sum() / (edge * edge).sum(), 0), 1)
      let gap = offset - edge * along
      nearest = min(nearest, (gap * gap).sum())
      // A ray to the right crosses the outline an odd number of times from inside.
      if (start.y > point.y) != (end.y > point.y), offset.x < edge.x * offset.y / edge.y { isInside.toggle() }
      start = end
    }
    return isInside ? -nearest.squareRoot() : nearest.squareRoot()
  }
}

/// Length of a vector.
@inline(__always)
func length(_ vector: SIMD2<Float>) -> Float { (vector * vector).sum().squareRoot() }
