import DataSets
import Foundation
import Images
import TestSupport
import Testing

/// What people's folders hold besides images that are named as such: it is used, or counted and named.
@Suite("Contents of folders")
struct FolderContentsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func names(_ images: some ImageDataSet) -> [String] {
    (0..<images.count).map { String(images.name(at: $0).dropFirst(folder.path.count + 1)) }
  }

  /// A file whose name is any bytes.
  private func write(_ content: [UInt8], named name: [UInt8]) throws {
    let path = Array(folder.path.utf8) + [UInt8(ascii: "/")] + name + [0]
    let descriptor = path.withUnsafeBytes {
      open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_WRONLY | O_CREAT, 0o666)
    }
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(Glibc.write(descriptor, content, content.count) == content.count)
  }

  @Test("an image is one by what it holds, whatever it is called")
  func imagesByContents() throws {
    let bytes = Array(try Data(contentsOf: folder.writeImage("a/1.jpg")))
    for name in ["2.jfif", "3.jpe", "4.JPEG", "5", "6.image", "7.tar.bak"] { try folder.write(bytes, "a/\(name)") }
    try folder.write(
      ImageCodec.encodePNG(PixelImage(width: 2, height: 2, pixels: Array(repeating: 9, count: 12))), "a/8.dat")
    let images = try ImageFolder(folder.url)
    #expect(images.count == 8 && images.passedOver.isEmpty)
    for index in 0..<8 { #expect(try images.image(at: index).width == (index == 7 ? 2 : 8)) }
  }

  @Test("kinds of images are counted, and those that hold more frames than are used")
  func kindsOfImages() throws {
    try folder.writeImage("a/1.jpg")
    // 2 x 1 pixels of 24 bits, and a GIF of one pixel, as it is and with its image twice.
    let bmp: [UInt8] =
      Array("BM".utf8) + [62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0]
      + Array(repeating: 0, count: 24) + [1, 2, 3, 4, 5, 6, 0, 0]
    try folder.write(bmp, "a/2.bmp")
    try folder.write(bmp, "a/without")
    let screen: [UInt8] = Array("GIF89a".utf8) + [1, 0, 1, 0, 0x80, 0, 0, 9, 9, 9, 7, 7, 7]
    let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]
    try folder.write(screen + frame + [0x3B], "a/3.gif")
    try folder.write(screen + frame + frame + [0x3B], "b/4.gif")
    let inspection = try DataSetInspection(of: ImageFolder(folder.url), threads: 2)
    var expected = DataSetInspection.Kinds(jpeg: 1)
    expected.bmp = 2
    if ImageKind.gif.isAvailable { expected.gif = 2 }
    #expect(inspection.stored == expected)
    #expect(inspection.withMoreFrames == expected.gif / 2)
    #expect(inspection.badImageCount == (ImageKind.gif.isAvailable ? 0 : 2))
    #expect(inspection.passedOver == nil)
  }

  @Test("what is no image is counted by kind, and the first of a kind is named")
  func otherFiles() throws {
    try folder.writeImage("a/1.jpg")
    for name in ["a/1.txt", "a/2.TXT", "b/x.psd", "b/y", "list.csv"] { try folder.write(Array("other".utf8), name) }
    let images = try ImageFolder(folder.url)
    #expect(images.classNames == ["a", "b"] && images.count == 1)
    #expect(
      images.passedOver.text
        == "1 .csv (list.csv), 2 .txt (first: a/1.txt), 1 .psd (b/x.psd), 1 without an extension (b/y)")
    let inspection = try DataSetInspection(of: images, threads: 1)
    #expect(inspection.passedOver == images.passedOver)
    let read = try JSONDecoder().decode(DataSetInspection.self, from: JSONEncoder().encode(inspection))
    #expect(read == inspection && read.passedOver?.kinds[1].count == 2)
  }

  @Test(
    "where there are only files of another kind, the line says what to do with those",
    arguments: [
      ("1.psd", "convert them first"), ("1.DCM", "convert them to 16-bit PNG with DCMTK's dcm2img"),
      ("a.tar.gz", "decompress them first"), ("a.tar.zst", "decompress them first"),
      ("a.zip", "unpack them first"), ("train.parquet", "unpack them to image files or tar archives"),
    ])
  func remedies(name: String, remedy: String) throws {
    try folder.write([1, 2, 3], name)
    let text = message { _ = try DataSetLocator.open(folder.url, split: .train) }
    let kind = name.split(separator: ".").last!.lowercased()
    #expect(
      text == "\(folder.path): no images in it; it has .\(kind) files, but only images (\(ImageKind.names)) "
        + "and .tar archives are read: \(remedy)")
  }

  @Test("what systems and programs leave in folders is no class and no image, at any depth")
  func leftBehind() throws {
    for name in ["ring/1.jpg", "star/1.jpg", "star/deep/2.jpg"] { try folder.writeImage(name) }
    let left = [
      "__MACOSX/star/._1.jpg", "@eaDir/star/SYNOPHOTO_THUMB_XL.jpg", "lost+found/3.jpg", "star/@eaDir/4.jpg",
      "star/deep/.thumbnails/5.jpg", "$RECYCLE.BIN/6.jpg", "star/._1.jpg", "#recycle/7.jpg",
      "System Volume Information/8.jpg",
    ]
    for name in left { try folder.writeImage(name) }
    for name in ["Thumbs.db", "star/desktop.ini", ".DS_Store"] { try folder.write([1], name) }
    let images = try ImageFolder(folder.url)
    #expect(images.classNames == ["ring", "star"])
    #expect(names(images) == ["ring/1.jpg", "star/1.jpg", "star/deep/2.jpg"])
    let kinds = images.passedOver.kinds
    #expect(kinds.map(\.kind) == ["left by the system"] && kinds[0].count == 12)
  }

  @Test("what the system left beside train/ and test/ does not hide them")
  func leftBesideSplits() throws {
    for name in ["train/a/1.jpg", "val/a/1.jpg", "lost+found/x.jpg", "__MACOSX/train/a/._1.jpg"] {
      try folder.writeImage(name)
    }
    #expect(try DataSetLocator.open(folder.url, split: .train).count == 1)
    #expect(try DataSetLocator.open(folder.url, split: .test).count == 1)
  }

  @Test("names that are not UTF-8 are read, told apart, listed and printed")
  func bytesForNames() throws {
    let image = Array(try Data(contentsOf: folder.writeImage("plain.jpg", gray: 10)))
    let bright = try TemporaryFolder()
    let other = Array(try Data(contentsOf: bright.writeImage("x.jpg", gray: 200)))
    try write(image, named: Array("caf".utf8) + [0xE9] + Array(".jpg".utf8))
    try write(other, named: Array("caf".utf8) + [0xEA] + Array(".jpg".utf8))
    try folder.write(other, "café.jpg")
    let images = try ImageFolder(folder.url)
    #expect(names(images) == ["café.jpg", #"caf\xE9.jpg"#, #"caf\xEA.jpg"#, "plain.jpg"])
    #expect(try (0..<4).map { try images.image(at: $0).pixels[0] / 100 } == [2, 0, 2, 0])
    let list = folder.url.appendingPathComponent("list")
    try write(Array("caf".utf8) + [0xEA] + Array(".jpg\ncafé.jpg\n".utf8), named: Array("list".utf8))
    #expect(names(try SubsetDataSet(images, imagesIn: list)) == ["café.jpg", #"caf\xEA.jpg"#])
    try Data(#"caf\xE9.jpg"#.utf8).write(to: list)
    #expect(names(try SubsetDataSet(images, imagesIn: list)) == [#"caf\xE9.jpg"#])
  }

  @Test("folders whose names are not UTF-8 are classes like others")
  func bytesForClasses() throws {
    for (name, gray) in [([0x61, 0xFF] as [UInt8], UInt8(10)), ([0x61, 0xFE], 200)] {
      let image = Array(try Data(contentsOf: folder.writeImage("source.jpg", gray: gray)))
      try FileManager.default.removeItem(at: folder.url.appendingPathComponent("source.jpg"))
      let path = Array(folder.path.utf8) + [UInt8(ascii: "/")] + name + [0]
      let status = path.withUnsafeBytes { mkdir($0.baseAddress!.assumingMemoryBound(to: CChar.self), 0o777) }
      try #require(status == 0)
      try write(image, named: name + Array("/1.jpg".utf8))
    }
    let images = try ImageFolder(folder.url)
    #expect(images.classNames == [#"a\xFE"#, #"a\xFF"#])
    #expect(try (0..<2).map { try images.image(at: $0).pixels[0] / 100 } == [2, 0])
  }

  @Test("a name of any bytes comes back from the text that stands for it")
  func roundTrip() {
    let names: [[UInt8]] = [
      Array("plain".utf8), Array("é😀\u{10FFFF}\u{10FF00}".utf8), [0x80], [0xC3], [0xC3, 0x28], [0xF4, 0x8F, 0xBF],
      [0xF5, 0x80, 0x80, 0x80], [0xED, 0xA0, 0x80], Array(0x01...0xFF),
    ]
    for name in names { #expect(FileName.bytes(FileName.text(name)) == name) }
    #expect(Set(names.map(FileName.text)).count == names.count)
    #expect(FileName.printable(FileName.text([0x61, 0xE9, 0x62])) == #"a\xE9b"#)
  }
}
