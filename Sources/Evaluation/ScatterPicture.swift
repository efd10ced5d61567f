import Foundation
import Images

/// Points on a plane as a picture, colored by class, with the names of the classes beside them (Figure 6 of the founding paper).
public struct ScatterPicture: Sendable {
  private let points: [SIMD2<Double>]
  private let labels: [Int]
  private let names: [String]
  private let colors: [SIMD3<UInt8>]
  private let radius: Double

  private static let (side, margin, lineHeight, dot) = (1000, 20, 26, 7)
  private static let textWidth = 260

  /// - Parameters:
  ///   - points: at least one.
  ///   - labels: the class of each; below 0 for one without, which is gray.
  ///   - classNames: in the order of the labels; of more than 30 the first are named.
  public init(_ points: [SIMD2<Double>], labels: [Int], classNames: [String]) {
    precondition(!points.isEmpty && points.count == labels.count, "ScatterPicture: \(points.count) points")
    let low = points.reduce(points[0]) { pointwiseMin($0, $1) }
    let high = points.reduce(points[0]) { pointwiseMax($0, $1) }
    let extent = max((high - low).max(), 1e-12)
    let room = Double(Self.side - 2 * Self.margin)
    let middle = (low + high) / 2
    self.points = points.map { point in
      let place = (point - middle) / extent * room + Double(Self.side) / 2
      return SIMD2(place.x, Double(Self.side) - place.y)
    }
    self.labels = labels
    names = classNames
    let count = max(classNames.count, (labels.max() ?? -1) + 1)
    colors = (0..<count).map { Self.color($0, of: count) }
    radius = points.count > 20_000 ? 1.2 : points.count > 3000 ? 1.8 : 3
  }

  /// Hues as far apart as can be, in two shades by turns, so that neighbors on the wheel differ in more than hue.
  private static func color(_ label: Int, of count: Int) -> SIMD3<UInt8> {
    let (hue, value) = (Double(label) / Double(max(1, count)) * 6, label.isMultiple(of: 2) ? 0.85 : 0.6)
    let channels = [5.0, 3, 1].map { offset -> UInt8 in
      let k = (offset + hue).truncatingRemainder(dividingBy: 6)
      return UInt8((255 * value * (1 - 0.8 * max(0, min(k, 4 - k, 1)))).rounded())
    }
    return SIMD3(channels[0], channels[1], channels[2])
  }

  private func color(of label: Int) -> SIMD3<UInt8> { label < 0 ? SIMD3(150, 150, 150) : colors[label] }

  private var legend: [(name: String, color: SIMD3<UInt8>)] { zip(names, colors).prefix(30).map { ($0, $1) } }

  private var width: Int { Self.side + (legend.isEmpty ? 0 : Self.textWidth) }
}

// MARK: - SVG

extension ScatterPicture {
  /// A file that any browser shows; each class is one path of dots.
  public func svg() -> String {
    func hex(_ color: SIMD3<UInt8>) -> String {
      "#" + [color.x, color.y, color.z].map { String(format: "%02x", $0) }.joined()
    }
    func number(_ value: Double) -> String { String(format: "%.1f", value) }
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(Self.side)\" font-family=\"sans-serif\" font-size=\"16\">",
      "<title>\(points.count) images on a plane, near each other where their features are alike</title>",
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
    ]
    for label in Set(labels).sorted() {
      let dots = points.indices.filter { labels[$0] == label }.map { index in
        "M\(number(points[index].x)) \(number(points[index].y))h0"
      }
      lines.append(
        "<path d=\"\(dots.joined())\" stroke=\"\(hex(color(of: label)))\" stroke-width=\"\(number(2 * radius))\" stroke-linecap=\"round\" stroke-opacity=\"0.7\"/>"
      )
    }
    for (row, entry) in legend.enumerated() {
      let y = Self.margin + row * Self.lineHeight + Self.lineHeight / 2
      lines.append(
        "<circle cx=\"\(Self.side + Self.dot)\" cy=\"\(y)\" r=\"\(Self.dot)\" fill=\"\(hex(entry.color))\"/><text x=\"\(Self.side + 3 * Self.dot)\" y=\"\(y + 6)\">\(Self.escaped(entry.name))</text>"
      )
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}

// MARK: - Pixels

extension ScatterPicture {
  /// The same in pixels.
  ///
  /// - Parameter typeface: What the names of the classes are written in; nil leaves them out.
  /// - Throws: `ImageError` when the typeface is damaged.
  public func pixels(_ typeface: Typeface?) throws -> PixelImage {
    var image = PixelImage(
      width: width, height: Self.side, pixels: [UInt8](repeating: 255, count: 3 * width * Self.side))
    for (point, label) in zip(points, labels) {
      Self.draw(point, radius: radius, color: color(of: label), opacity: 0.7, on: &image)
    }
    for (row, entry) in legend.enumerated() {
      let y = Self.margin + row * Self.lineHeight + Self.lineHeight / 2
      Self.draw(
        SIMD2(Double(Self.side + Self.dot), Double(y)), radius: Double(Self.dot), color: entry.color, opacity: 1,
        on: &image)
      guard let typeface else { continue }
      try typeface.write(
        entry.name, on: &image, left: Self.side + 3 * Self.dot,
        baseline: y + (typeface.ascent - typeface.descent) / 2, level: 40)
    }
    return image
  }

  /// A disc with a soft edge.
  private static func draw(
    _ center: SIMD2<Double>, radius: Double, color: SIMD3<UInt8>, opacity: Double, on image: inout PixelImage
  ) {
    let reach = radius + 1
    for y in max(0, Int(center.y - reach))...min(image.height - 1, Int(center.y + reach)) {
      for x in max(0, Int(center.x - reach))...min(image.width - 1, Int(center.x + reach)) {
        let offset = SIMD2(Double(x) + 0.5, Double(y) + 0.5) - center
        let cover = opacity * min(max(radius + 0.5 - (offset * offset).sum().squareRoot(), 0), 1)
        guard cover > 0 else { continue }
        for channel in 0..<3 {
          let place = (y * image.width + x) * 3 + channel
          let level = Double(image.pixels[place]) * (1 - cover) + Double(color[channel]) * cover
          image.pixels[place] = UInt8(level.rounded())
        }
      }
    }
  }
}
