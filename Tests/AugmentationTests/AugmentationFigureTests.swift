import Augmentation
import Images
import Testing

@Suite("Augmentation figure")
struct AugmentationFigureTests {
  private static let images = (0..<3).map { number in
    PixelImage(
      width: 40 + number, height: 32,
      pixels: (0..<((40 + number) * 32 * 3)).map { UInt8(truncatingIfNeeded: $0 &* ($0 + number) / 11) })
  }

  @Test("a column holds the original and a view as training sees it")
  func places() throws {
    let typeface = try Typeface(ofSystemWithSizePixels: 16)
    let figure = try AugmentationFigure(AugmentationConfiguration(), side: 32, seed: 4, typeface: typeface)
    #expect(figure.rowNames.count == 9)
    let canvas = try figure.draw(Self.images)
    #expect(canvas.height == 48 + 9 * 32 + 8 * 12)
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 32
    let view = ViewAugmenter(configuration, seed: 4).view(of: Self.images[2], epoch: 0, sample: 2, view: 1)
    let left = canvas.width - 24 - 32
    for row in 0..<32 {
      let start = ((24 + 8 * 44 + row) * canvas.width + left) * 3
      #expect(Array(canvas.pixels[start..<start + 96]) == Array(view.pixels[row * 96..<(row + 1) * 96]))
    }
    let original = Self.images[0].resizedCrop(.init(top: 0, left: 4, height: 32, width: 32), width: 32, height: 32)
    let first = ((24 + 5) * canvas.width + left - 2 * 44) * 3
    #expect(Array(canvas.pixels[first..<first + 96]) == Array(original.pixels[5 * 96..<6 * 96]))
  }

  @Test("the name of a row stands left of it, at the height of its middle, in ink on white")
  func names() throws {
    let typeface = try Typeface(ofSystemWithSizePixels: 16)
    let figure = try AugmentationFigure(AugmentationConfiguration(), side: 32, seed: 4, typeface: typeface)
    let canvas = try figure.draw([Self.images[0]])
    let width = try figure.rowNames.map(typeface.width(of:)).max()!
    #expect(canvas.width == 24 + width + 12 + 32 + 24)
    for row in 0..<9 {
      let ink = (0..<32).filter { y in
        (24..<24 + width).contains { canvas.pixels[((24 + row * 44 + y) * canvas.width + $0) * 3] < 128 }
      }
      #expect(ink.first.map { 6...14 ~= $0 } == true && ink.last.map { 17...26 ~= $0 } == true, "\(row): \(ink)")
    }
  }

  @Test("local views have rows of their own, smaller pictures")
  func localViews() throws {
    var configuration = AugmentationConfiguration()
    configuration.localViews.count = 2
    configuration.localViews.imageSize = 20
    let typeface = try Typeface(ofSystemWithSizePixels: 16)
    let figure = try AugmentationFigure(configuration, side: 32, seed: 0, typeface: typeface)
    #expect(figure.rowNames.suffix(4) == ["view 1", "view 2", "view 3", "view 4"])
    #expect(try figure.draw([Self.images[0]]).height == 48 + 11 * 32 + 10 * 12)
  }

  @Test("what a recipe has beyond SimCLR's operations has a row each")
  func moreOperations() throws {
    var configuration = AugmentationConfiguration()
    configuration.presetWithItsValues = .aerial
    configuration.secondView.erasingProbability = 0.5
    let typeface = try Typeface(ofSystemWithSizePixels: 16)
    let figure = try AugmentationFigure(configuration, side: 32, seed: 4, typeface: typeface)
    #expect(figure.rowNames[7..<10] == ["vertical flip", "quarter turn", "erasing"])
    let canvas = try figure.draw([Self.images[0]])
    var upsideDown = Self.images[0].resizedCrop(.init(top: 0, left: 4, height: 32, width: 32), width: 32, height: 32)
    upsideDown.flipVertically()
    let start = ((24 + 7 * 44) * canvas.width + canvas.width - 24 - 32) * 3
    #expect(Array(canvas.pixels[start..<start + 96]) == Array(upsideDown.pixels[..<96]))
  }

  @Test("a PNG holds every pixel")
  func png() throws {
    #expect(try ImageCodec.decode(ImageCodec.encodePNG(Self.images[1])) == Self.images[1])
  }
}
