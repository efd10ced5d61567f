import DataSets
import Foundation
import Images
import TestSupport
import Testing

/// Lists of images, and folders at any depth.
@Suite("Lists and depth")
struct ListTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func list(_ text: String, _ name: String = "list.txt") throws -> URL {
    try folder.write(Array(text.utf8), name)
  }

  private func subset(_ whole: any ImageDataSet, _ text: String) throws -> [String] {
    let subset = try SubsetDataSet(whole, imagesIn: list(text))
    return (0..<subset.count).map(subset.key(at:))
  }

  @Test("a line of a list is a path from the root, the end of one, or a bare name that only one image has")
  func lines() throws {
    for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/3.jpg", "c/a/2.jpg", "c/x y.jpg"] {
      try folder.writeImage("images/\(name)")
    }
    let whole = try ImageFolder(folder.url.appendingPathComponent("images"))
    #expect(try subset(whole, "b/1.jpg\na/2.jpg\n") == ["a/2.jpg", "b/1.jpg"])
    #expect(try subset(whole, "./b/1.jpg\r\n  3.jpg \r\n\r\n") == ["b/1.jpg", "b/3.jpg"])
    #expect(try subset(whole, "images/b/1.jpg") == ["b/1.jpg"])
    #expect(try subset(whole, "\(folder.path)/images/b/1.jpg") == ["b/1.jpg"])
    #expect(try subset(whole, #"b\1.jpg"#) == ["b/1.jpg"])
    #expect(try subset(whole, "\u{FEFF}b/1") == ["b/1.jpg"], "without an extension, as VOC's lists")
    #expect(try subset(whole, "c/x y.jpg\nc/x y.jpg") == ["c/x y.jpg"])
    // A whole path from the root is meant before the end of another.
    #expect(try subset(whole, "a/2.jpg") == ["a/2.jpg"])
  }

  @Test("a line that fits several images is refused with two of them, one that fits none is named")
  func ambiguity() throws {
    for name in ["a/1.jpg", "b/1.jpg", "b/11.jpg", "x/a/2.jpg", "y/a/2.jpg"] { try folder.writeImage("images/\(name)") }
    let whole = try ImageFolder(folder.url.appendingPathComponent("images"))
    let (root, path) = (folder.path + "/images", folder.path + "/list.txt")
    for (line, first, second) in [
      ("1.jpg", "a/1.jpg", "b/1.jpg"), ("1", "a/1.jpg", "b/1.jpg"), ("a/2.jpg", "x/a/2.jpg", "y/a/2.jpg"),
    ] {
      #expect(
        message { _ = try subset(whole, "b/11.jpg\n\(line)\n") }
          == "\(path): '\(line)' fits several images (\(root)/\(first), \(root)/\(second), …): write more of the path")
    }
    #expect(
      message { _ = try subset(whole, "b/11.jpg\n/1.jpg\nc/1.jpg\n") }
        == "\(path): 2 of 3 images are not in the data set (first: /1.jpg)")
  }

  @Test("for pretraining every image counts at whatever depth it lies, in an order that stays")
  func anyDepth() throws {
    for name in ["9.jpg", "a/1.jpg", "a/b/c/2.jpg", "d/3.jpg"] { try folder.writeImage("images/\(name)") }
    let root = folder.url.appendingPathComponent("images")
    let images = try DataSetLocator(for: .pretraining).locate(root, split: .train).images
    #expect((0..<images.count).map(images.key(at:)) == ["9.jpg", "a/1.jpg", "a/b/c/2.jpg", "d/3.jpg"])
    #expect(images.classNames.isEmpty && images.layout == "images in a folder and below it")
    // To measure with, a layout is needed.
    #expect(
      message { _ = try DataSetLocator(for: .evaluation).locate(root, split: .train) }.hasPrefix(
        "\(root.path) holds images directly (1, first 9.jpg) and in sub-folders (3, first a/1.jpg)"))
    try FileManager.default.removeItem(atPath: root.path + "/9.jpg")
    #expect(try DataSetLocator(for: .pretraining).locate(root, split: .train).images.classNames == ["a", "d"])
  }

  @Test("archives and images in one folder, at any depth, are trained on together, and to measure with they are named")
  func archivesAndImages() throws {
    try folder.writeImage("inner/1.jpg")
    try folder.writeImage("whole/2.jpg")
    try FileManager.default.createDirectory(atPath: folder.path + "/whole/deep", withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["tar", "-C", folder.path + "/inner", "-cf", folder.path + "/whole/deep/A.TAR", "1.jpg"]
    try process.run()
    process.waitUntilExit()
    let root = folder.url.appendingPathComponent("whole")
    let images = try DataSetLocator(for: .pretraining).locate(root, split: .train).images
    #expect((0..<images.count).map { images.name(at: $0).split(separator: "/").last } == ["1.jpg", "2.jpg"])
    let archive = try DataSetLocator(for: .evaluation).locate(root, split: .train).images
    #expect(archive.count == 1 && archive.passedOver.text == "1 beside the archives (2.jpg)")
  }

  @Test("a text file of paths is a data set: from its folder, from the working folder, or absolute")
  func pathList() throws {
    for name in ["a/1.jpg", "a/2 x.jpg", "b/3,y.jpg"] { try folder.writeImage("images/\(name)") }
    let file = try list("a/2 x.jpg\n\(folder.path)/images/a/1.jpg\r\n\nb/3,y.jpg\n", "images/mine.lst")
    let images = try DataSetLocator(for: .pretraining).locate(file, split: .train).images
    #expect(
      (0..<images.count).map { images.name(at: $0).dropFirst(folder.path.count + 8) } == [
        "a/2 x.jpg", "a/1.jpg", "b/3,y.jpg",
      ])
    #expect(images.classNames.isEmpty && images.layout == "a list of images")
    #expect(try images.image(at: 0).width == 8)
    let missing = try list("a/1.jpg\nb/4.jpg\nb/5.jpg\n", "images/mine.lst")
    #expect(
      message { _ = try DataSetLocator.open(missing, split: .train) }
        == "\(missing.path): 2 of 3 images are not there (first: b/4.jpg); expected a path a line, beginning at the list's "
        + "folder, at the working folder or with /")
  }

  @Test(
    "a list may name the class of each image, behind a space, a tab or a comma",
    arguments: [
      "a/1.jpg 10\nb/2 x.jpg 9\n", "a/1.jpg\t10\nb/2 x.jpg\t9\n", "path,label\na/1.jpg,10\n\"b/2 x.jpg\",9\n",
    ])
  func labeledList(text: String) throws {
    for name in ["a/1.jpg", "b/2 x.jpg"] { try folder.writeImage(name) }
    let images = try ListedImages(listIn: list(text).path)
    #expect(images.classNames == ["9", "10"] && (0..<2).map(images.label(at:)) == [1, 0])
    #expect((0..<2).map(images.key(at:)) == ["a/1.jpg", "b/2 x.jpg"])
    let half = try list("a/1.jpg 10\nb/2 x.jpg\n")
    #expect(
      message { _ = try ListedImages(listIn: half.path) }
        == "\(half.path): b/2 x.jpg has no class, but other lines have")
  }

  @Test("a list of folders is all of them")
  func listOfFolders() throws {
    for name in ["one/1.jpg", "two/deep/2.jpg"] { try folder.writeImage(name) }
    let images = try DataSetLocator(for: .pretraining).locate(list("one\ntwo/\n"), split: .train).images
    #expect((0..<2).map { images.name(at: $0).dropFirst(folder.path.count + 1) } == ["one/1.jpg", "two/deep/2.jpg"])
  }

  @Test("data sets are joined by the names of their classes, and have none where one has none")
  func joined() throws {
    for name in ["one/cat/1.jpg", "one/dog/2.jpg", "two/ant/3.jpg", "two/cat/4.jpg", "flat/5.jpg"] {
      try folder.writeImage(name)
    }
    let parts = try ["one", "two", "flat"].map { try ImageFolder(folder.url.appendingPathComponent($0)) }
    let labeled = JoinedDataSet(Array(parts.prefix(2)))
    #expect(labeled.classNames == ["ant", "cat", "dog"])
    #expect((0..<4).map(labeled.label(at:)) == [1, 2, 0, 1])
    let all = JoinedDataSet(parts)
    #expect(all.count == 5 && all.classNames.isEmpty && (0..<5).allSatisfy { all.label(at: $0) == nil })
    #expect(
      (0..<5).map { all.name(at: $0).split(separator: "/").last } == ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"])
    #expect(try all.image(at: 4) == parts[2].image(at: 0))
  }
}
