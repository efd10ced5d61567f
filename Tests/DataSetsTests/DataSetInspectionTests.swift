import DataSets
import Foundation
import Images
import Randomness
import TestSupport
import Testing

@Suite("Data set inspection")
struct DataSetInspectionTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Two classes of JPEG and PNG images of many sizes; four files are bad, each in another way.
  private func writeMixture() throws -> ImageFolder {
    for index in 0..<12 {
      let image = Self.noise(width: 5 + 7 * index, height: 90 - 6 * index, seed: index)
      // Names do not tell the kind.
      let bytes = try index % 3 == 0 ? ImageCodec.encodePNG(image) : ImageCodec.encodeJPEG(image, quality: 90)
      try folder.write(bytes, "\(index < 4 ? "ant" : "bee")/\(10 + index).\(index % 2 == 0 ? "jpg" : "png")")
    }
    try folder.write(Array("hello".utf8), "ant/00.jpg")
    try folder.write([], "ant/99.jpg")
    try folder.write(ImageCodec.encodePNG(Self.noise(width: 20, height: 20, seed: 3)).dropLast(100), "bee/130.png")
    try folder.write(
      try ImageCodec.encodeJPEG(Self.noise(width: 64, height: 64, seed: 3), quality: 90).dropLast(900), "bee/140.jpg")
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("cow"), withIntermediateDirectories: false)
    return try ImageFolder(folder.url)
  }

  @Test("counts images, classes, sizes and kinds, and names bad files in order")
  func findsEverything() throws {
    let inspection = try DataSetInspection(of: try writeMixture(), threads: 2)
    #expect(inspection.layout == "class folders" && inspection.imageCount == 16 && inspection.inspectedCount == 16)
    #expect(
      inspection.classes
        == .init(
          count: 3, imagesPerClass: .init(minimum: 0, median: 6, maximum: 10), firstNames: ["ant", "bee", "cow"]))
    #expect(inspection.width == .init(minimum: 5, median: 43.5, maximum: 82))
    #expect(inspection.height == .init(minimum: 24, median: 57, maximum: 90))
    #expect(inspection.stored == .init(jpeg: 8, png: 4, rawPixels: 0))
    #expect(inspection.badImageCount == 4)
    #expect(
      inspection.badImages.prefix(3) == [
        "\(folder.path)/ant/00.jpg: expected an image, got something else: its first bytes are 68 65 6c 6c",
        "\(folder.path)/ant/99.jpg: expected an image, got an empty file",
        "\(folder.path)/bee/130.png: cannot decode this PNG: the PNG data ends before the image is complete",
      ])
    #expect(inspection.badImages.last?.hasPrefix("\(folder.path)/bee/140.jpg: cannot decode this JPEG: ") == true)
  }

  @Test("mean and standard deviation are those of all pixels of all images that can be decoded, each counting equally")
  func statistics() throws {
    let images = try writeMixture()
    let decoded = (0..<images.count).compactMap { try? images.image(at: $0) }
    #expect(decoded.count == 12)
    let inspection = try DataSetInspection(of: images, threads: 2)
    let (mean, deviation) = try (#require(inspection.mean), #require(inspection.standardDeviation))
    for channel in 0..<3 {
      let levels = decoded.flatMap { image in
        stride(from: channel, to: image.pixels.count, by: 3).map { Double(image.pixels[$0]) / 255 }
      }
      let expected = levels.reduce(0, +) / Double(levels.count)
      let variance = levels.reduce(0) { $0 + ($1 - expected) * ($1 - expected) } / Double(levels.count)
      #expect(abs(mean[channel] - expected) < 1e-12)
      #expect(abs(deviation[channel] - variance.squareRoot()) < 1e-12)
    }
  }

  @Test("a large image counts by its pixels, not as one image")
  func weightsPixels() throws {
    // 300 white pixels and 100 black ones.
    try folder.write(
      ImageCodec.encodePNG(.init(width: 20, height: 15, pixels: .init(repeating: 255, count: 900))), "1.png")
    try folder.write(
      ImageCodec.encodePNG(.init(width: 10, height: 10, pixels: .init(repeating: 0, count: 300))), "2.png")
    let inspection = try DataSetInspection(of: try ImageFolder(folder.url), threads: 1)
    #expect(inspection.mean == [0.75, 0.75, 0.75])
    let deviation = (3.0 / 16).squareRoot()
    #expect(try #require(inspection.standardDeviation).allSatisfy { abs($0 - deviation) < 1e-15 })
    #expect(inspection.classes == nil)
  }

  @Test("a row longer than 32 bits can sum up is summed up all the same")
  func longRows() throws {
    // A million white pixels on a side are the most that a PNG may have.
    let width = 1_000_000
    let image = PixelImage(width: width, height: 2, pixels: .init(repeating: 255, count: 6 * width))
    try folder.write(ImageCodec.encodePNG(image), "1.png")
    let inspection = try DataSetInspection(of: try ImageFolder(folder.url), threads: 1)
    #expect(inspection.mean == [1, 1, 1] && inspection.standardDeviation == [0, 0, 0])
    #expect(inspection.width == .init(minimum: width, median: Double(width), maximum: width))
  }

  @Test("the number of threads changes nothing", arguments: [nil, 7])
  func threads(limit: Int?) throws {
    let images = try writeMixture()
    let one = try DataSetInspection(of: images, limit: limit, threads: 1)
    for threads in [2, 3, 40] {
      #expect(try DataSetInspection(of: images, limit: limit, threads: threads) == one)
    }
  }

  @Test("a limit takes images evenly spaced, and counts the classes of all")
  func limit() throws {
    for index in 0..<10 { try folder.writeImage("\(index < 5 ? "a" : "b")/\(index).jpg", side: 10 + index) }
    let images = try ImageFolder(folder.url)
    let some = try DataSetInspection(of: images, limit: 4, threads: 2)
    // Images 0, 2, 5 and 7.
    #expect(some.imageCount == 10 && some.inspectedCount == 4 && some.stored.jpeg == 4)
    #expect(some.width == .init(minimum: 10, median: 13.5, maximum: 17))
    #expect(some.classes?.imagesPerClass == .init(minimum: 5, median: 5, maximum: 5))
    #expect(try DataSetInspection(of: images, limit: 11, threads: 2) == DataSetInspection(of: images, threads: 2))
  }

  @Test("of many bad files all are counted and the first ten named; without a good one there are no statistics")
  func onlyBad() throws {
    for index in 10..<35 { try folder.write([7], "\(index).jpg") }
    let inspection = try DataSetInspection(of: try ImageFolder(folder.url), threads: 3)
    #expect(inspection.badImageCount == 25)
    let reason = "expected an image, got something else: its first bytes are 07"
    #expect(inspection.badImages == (10..<20).map { "\(folder.path)/\($0).jpg: \(reason)" })
    #expect(inspection.mean == nil && inspection.standardDeviation == nil)
    #expect(inspection.width == nil && inspection.height == nil && inspection.stored == .init())
  }

  @Test("raw pixels are read as they are, and progress ends with all images")
  func rawPixels() throws {
    try writeSparseCIFAR10(to: folder.url)
    let images = try DataSetLocator.open(folder.url, split: .test)
    var last = (0, 0)
    let inspection = try DataSetInspection(of: images, threads: 2) { last = ($0, $1) }
    #expect(last == (10_000, 10_000))
    #expect(inspection.stored == .init(jpeg: 0, png: 0, rawPixels: 10_000))
    #expect(inspection.width == .init(minimum: 32, median: 32, maximum: 32) && inspection.height == inspection.width)
    #expect(inspection.classes?.imagesPerClass == .init(minimum: 10, median: 10, maximum: 9910))
    // 50…59 in the red of one pixel each, ten times; nothing else.
    #expect(inspection.mean == [Double(10 * (50...59).reduce(0, +)) / (10_000 * 1024) / 255, 0, 0])
  }

  private static func noise(width: Int, height: Int, seed: Int) -> PixelImage {
    var random = PhiloxGenerator(seed: UInt64(seed), epoch: 0, sample: 0, stream: 0)
    // Channels differ, so that one taken for another shows.
    let pixels = (0..<width * height).flatMap { _ in
      [UInt8(random.integer(below: 256)), UInt8(random.integer(below: 120)), UInt8(200 + random.integer(below: 56))]
    }
    return PixelImage(width: width, height: height, pixels: pixels)
  }
}
