import Foundation
import Images
import TestSupport
import Testing

@Suite("Typeface")
struct TypefaceTests {
  private static func white(_ width: Int, _ height: Int) -> PixelImage {
    PixelImage(width: width, height: height, pixels: Array(repeating: 255, count: width * height * 3))
  }

  /// The rectangle that holds all ink.
  private static func inked(_ image: PixelImage) -> CropRectangle? {
    let places = (0..<image.width * image.height).filter { image.pixels[3 * $0] < 255 }
    guard let first = places.first, let last = places.last else { return nil }
    let columns = places.map { $0 % image.width }
    return CropRectangle(
      top: first / image.width, left: columns.min()!, height: last / image.width - first / image.width + 1,
      width: columns.max()! - columns.min()! + 1)
  }

  @Test("letters stand on the baseline, below the ascent, and as wide as said")
  func places() throws {
    let typeface = try Typeface(ofSystemWithSizePixels: 20)
    var image = Self.white(100, 60)
    try typeface.write("Hill", on: &image, left: 10, baseline: 40, level: 0)
    let ink = try #require(Self.inked(image))
    #expect(ink.top + ink.height == 40 && ink.top >= 40 - typeface.ascent && ink.height >= 12)
    let width = try typeface.width(of: "Hill")
    #expect(ink.left >= 10 && ink.left + ink.width <= 10 + width)
    #expect(image.pixels.contains(0))
    var below = Self.white(100, 60)
    try typeface.write("gp", on: &below, left: 10, baseline: 40, level: 0)
    let deep = try #require(Self.inked(below))
    #expect(41...40 + typeface.descent ~= deep.top + deep.height)
  }

  @Test("letters of any script are told apart, and what a font lacks takes room all the same")
  func scripts() throws {
    let typeface = try Typeface(ofSystemWithSizePixels: 20)
    func picture(_ text: String) throws -> [UInt8] {
      var image = Self.white(60, 30)
      try typeface.write(text, on: &image, left: 2, baseline: 22, level: 0)
      return image.pixels
    }
    let pictures = try ["A", "Ä", "я", "σ", "8", "8,5"].map(picture)
    #expect(Set(pictures).count == pictures.count)
    #expect(try typeface.width(of: "\u{10FFFD}") > 0)
    #expect(try typeface.width(of: "") == 0)
  }

  @Test("what lies beyond a picture's borders is cut off")
  func borders() throws {
    let typeface = try Typeface(ofSystemWithSizePixels: 20)
    var large = Self.white(60, 60)
    try typeface.write("Wg", on: &large, left: 18, baseline: 34, level: 40)
    var small = Self.white(20, 20)
    try typeface.write("Wg", on: &small, left: -2, baseline: 14, level: 40)
    for y in 0..<20 {
      let row = (y + 20) * 60 + 20
      #expect(Array(small.pixels[y * 60..<y * 60 + 60]) == Array(large.pixels[row * 3..<row * 3 + 60]))
    }
  }

  @Test("a file that is no font, and a system without one, are named")
  func messages() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write(Array("not a font".utf8), "letters.ttf").path
    #expect(
      message { _ = try Typeface(contentsOf: text, sizePixels: 16) }
        == "\(text): expected a font with outlines: it is something else")
    #expect(
      message { _ = try Typeface(contentsOf: "/nowhere.ttf", sizePixels: 16) }
        == "/nowhere.ttf: expected a font with outlines: it cannot be opened")
    #expect(
      message { _ = try Typeface.systemFont(in: [folder.path]) }
        == "no font to write with: expected DejaVuSans.ttf or LiberationSans-Regular.ttf or NotoSans-Regular.ttf in "
        + "\(folder.path); install one (apt-get install fonts-dejavu-core) or name a font's file")
    try folder.write([], "truetype/noto/NotoSans-Regular.ttf")
    #expect(try Typeface.systemFont(in: ["/nowhere", folder.path]).hasSuffix("/truetype/noto/NotoSans-Regular.ttf"))
  }
}
