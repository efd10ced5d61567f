import DataSets
import Foundation
import Images
import TestSupport
import Testing

/// Archives made by the system's tar, read in place.
@Suite("Archived images")
struct ArchivedImagesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Packs what lies below `source`, in order of names, and gives the archive's path.
  @discardableResult
  private func tar(_ source: String, to archive: String, format: String = "gnu", _ names: String...) throws -> URL {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "tar", "--format=\(format)", "--sort=name", "-C", folder.path + "/" + source, "-cf",
        folder.path + "/" + archive,
      ]
      + (names.isEmpty
        ? try FileManager.default.contentsOfDirectory(atPath: folder.path + "/" + source).sorted() : names)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return folder.url.appendingPathComponent(archive)
  }

  /// Replaces bytes of a file.
  private func patch(_ file: URL, _ change: (inout [UInt8]) -> Void) throws {
    var bytes = Array(try Data(contentsOf: file))
    change(&bytes)
    try Data(bytes).write(to: file)
  }

  private func expectSame(_ archived: any ImageDataSet, as plain: any ImageDataSet) throws {
    #expect(archived.count == plain.count && archived.classNames == plain.classNames)
    for index in 0..<plain.count {
      #expect(archived.label(at: index) == plain.label(at: index))
      #expect(try archived.image(at: index) == plain.image(at: index))
    }
  }

  @Test("class folders in an archive are those of the unpacked folder", arguments: ["gnu", "pax", "ustar"])
  func classFolders(format: String) throws {
    let long = String(repeating: "long-", count: 15)
    for (number, name) in ["b/1.jpg", "a/2.jpg", "a/\(long)/\(long).jpg", "ä/1.png"].enumerated() {
      try folder.writeImage("images/" + name, gray: UInt8(40 * number))
    }
    try folder.write([1], "images/a/notes.txt")
    let archive = try tar("images", to: "images.tar", format: format)
    let images = try DataSetLocator.open(archive, split: .train)
    try expectSame(images, as: ImageFolder(folder.url.appendingPathComponent("images")))
    #expect(images.name(at: 0) == archive.path + "/a/2.jpg" && images.layout == "class folders in a tar archive")
  }

  @Test("a flat archive has images without labels")
  func flat() throws {
    for name in ["2.jpg", "1.jpg"] { try folder.writeImage("images/" + name) }
    let images = try ArchivedImages([try tar("images", to: "flat.tar").path])
    #expect(images.count == 2 && images.classNames.isEmpty && images.label(at: 0) == nil)
    #expect(images.name(at: 0).hasSuffix("/1.jpg"))
  }

  @Test("ImageNet's archive of archives has a class for each, in order of their names")
  func archiveOfArchives() throws {
    for (number, name) in ["n02/n02_1.JPEG", "n01/n01_7.JPEG", "n01/n01_3.JPEG"].enumerated() {
      try folder.writeImage("images/" + name, gray: UInt8(60 * number))
    }
    try FileManager.default.createDirectory(atPath: folder.path + "/outer", withIntermediateDirectories: true)
    for name in ["n02", "n01"] { try tar("images/\(name)", to: "outer/\(name).tar") }
    try tar("outer", to: "ILSVRC2012_img_train.tar", format: "gnu", "n02.tar", "n01.tar")
    for path in [folder.url, folder.url.appendingPathComponent("ILSVRC2012_img_train.tar")] {
      let images = try DataSetLocator.open(path, split: .train)
      try expectSame(images, as: ImageFolder(folder.url.appendingPathComponent("images")))
      #expect(images.name(at: 2).hasSuffix("/n02/n02_1.JPEG"))
    }
  }

  @Test("a class in several archives of archives is one class")
  func spreadClass() throws {
    for (part, name) in [("first", "n02"), ("second", "n01"), ("second", "n02")] {
      try folder.writeImage("\(part)-\(name)/\(part).jpg")
      try FileManager.default.createDirectory(
        atPath: folder.path + "/" + part, withIntermediateDirectories: true)
      try tar("\(part)-\(name)", to: "\(part)/\(name).tar")
    }
    try FileManager.default.createDirectory(atPath: folder.path + "/train", withIntermediateDirectories: true)
    for part in ["first", "second"] { try tar(part, to: "train/\(part).tar") }
    let images = try DataSetLocator.open(folder.url, split: .train)
    #expect(images.classNames == ["n01", "n02"] && (0..<3).map(images.label(at:)) == [0, 1, 1])
    #expect((0..<3).map { images.name(at: $0).suffix(14) } == ["n01/second.jpg", "/n02/first.jpg", "n02/second.jpg"])
  }

  @Test("ImageNet's validation archive takes its classes from a list", arguments: ["val.txt", "LOC_val_solution.csv"])
  func validationArchive(list: String) throws {
    for name in ["n01", "n02"] {
      try folder.writeImage("images/\(name)/\(name)_1.JPEG")
      try FileManager.default.createDirectory(atPath: folder.path + "/outer", withIntermediateDirectories: true)
      try tar("images/\(name)", to: "outer/\(name).tar")
    }
    try tar("outer", to: "ILSVRC2012_img_train.tar")
    for name in ["val_1.JPEG", "val_2.JPEG"] { try folder.writeImage("validation/" + name) }
    let archive = try tar("validation", to: "ILSVRC2012_img_val.tar")
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .test) }.hasPrefix(
        "\(archive.path): expected the classes of its images in val.txt"))
    let text =
      list == "val.txt"
      ? "val_1.JPEG 1\nval_2.JPEG n01\n" : "ImageId,PredictionString\nval_2,n01 85 1 499 272\nval_1,n02 1 2 3 4\n"
    try folder.write(Array(text.utf8), list)
    let images = try DataSetLocator.open(folder.url, split: .test)
    #expect((0..<2).map(images.label(at:)) == [1, 0] && images.classNames == ["n01", "n02"])
  }

  @Test("WebDataset's shards have the classes of their .cls files, and are named by a pattern")
  func webDataset() throws {
    for shard in 0..<3 {
      for number in 0..<4 {
        let key = "shard\(shard)/sample.\(shard)\(number)".replacingOccurrences(of: "sample.", with: "sample")
        try folder.writeImage(key + ".jpg", gray: UInt8(20 * (4 * shard + number)))
        try folder.write(Array("\(number)\n".utf8), key + ".cls")
        try folder.write(Array("{}".utf8), key + ".json")
      }
      try tar("shard\(shard)", to: "data-00\(shard).tar")
    }
    let images = try DataSetLocator.open(folder.url.appendingPathComponent("data-{000..002}.tar"), split: .train)
    #expect(images.count == 12 && images.classNames == ["0", "1", "2", "3"])
    #expect(images.layout == "WebDataset samples in 3 tar archives")
    #expect((0..<12).map(images.label(at:)) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    let plain = try (0..<3).map { try ImageFolder(folder.url.appendingPathComponent("shard\($0)")) }
    #expect(try images.image(at: 6) == plain[1].image(at: 2))
    // A folder of shards, split by folders.
    for name in ["train", "val"] {
      try folder.write(
        Array(try Data(contentsOf: folder.url.appendingPathComponent("data-001.tar"))), "split/\(name)/a.tar")
    }
    let root = folder.url.appendingPathComponent("split")
    #expect(try DataSetLocator.open(root, split: .train).count == 4)
    #expect(try DataSetLocator.open(root, split: .test).count == 4)
  }

  @Test("of several images of a sample the one with the shortest name counts, with labels and without")
  func companions() throws {
    for key in ["1", "2", "3"] {
      try folder.writeImage("a/\(key).jpg", gray: 200)
      try folder.writeImage("a/\(key).mask.jpg", gray: 10)
      try folder.writeImage("a/\(key).png", gray: 90)
      try folder.write(Array("0".utf8), "a/\(key).cls")
    }
    let labeled = try ArchivedImages([tar("a", to: "a.tar").path])
    #expect((0..<labeled.count).map { labeled.name(at: $0).suffix(5) } == ["1.jpg", "2.jpg", "3.jpg"])
    #expect(labeled.passedOver.text == "6 beside another image of the sample (first: 1.mask.jpg)")
    for key in ["1", "2", "3"] {
      try FileManager.default.removeItem(atPath: folder.path + "/a/\(key).cls")
      try FileManager.default.removeItem(atPath: folder.path + "/a/\(key).png")
    }
    let unlabeled = try ArchivedImages([tar("a", to: "b.tar").path])
    #expect((0..<unlabeled.count).map { unlabeled.name(at: $0).suffix(5) } == ["1.jpg", "2.jpg", "3.jpg"])
    #expect(unlabeled.passedOver.text == "3 beside another image of the sample (first: 1.mask.jpg)")
    // Dots in the names of images that have nothing to do with each other.
    for name in ["x.1.jpg", "x.2.jpg", "y.1.jpg"] { try folder.writeImage("c/\(name)") }
    #expect(try ArchivedImages([tar("c", to: "c.tar").path]).count == 3)
  }

  @Test("in an archive, too, contents decide, and what is no image is counted and named")
  func contents() throws {
    let image = Array(try Data(contentsOf: folder.writeImage("a/cat/1.jpg")))
    try folder.write(image, "a/cat/2.jfif")
    try folder.write(image, "a/dog/3")
    for name in ["a/__MACOSX/cat/._1.jpg", "a/dog/@eaDir/4.jpg", "a/cat/.hidden.jpg"] { try folder.write(image, name) }
    try folder.write(Array("a long enough note".utf8), "a/dog/note.txt")
    let images = try ArchivedImages([tar("a", to: "a.tar").path])
    #expect(images.count == 3 && images.classNames == ["cat", "dog"])
    #expect(images.passedOver.kinds.map { "\($0.count) \($0.kind)" }.sorted() == ["1 .txt", "3 left by the system"])
  }

  @Test("a shard whose labels are missing, no numbers, or apart from their images, is refused")
  func badSamples() throws {
    try folder.writeImage("a/1.jpg")
    try folder.writeImage("a/2.jpg")
    try folder.write(Array("1".utf8), "a/1.cls")
    let archive = try tar("a", to: "a.tar").path
    #expect(
      message { _ = try ArchivedImages([archive]) }
        == "\(archive): 2.jpg has no label, but others have: expected 2.cls beside it")
    try folder.write(Array("dog".utf8), "a/2.cls")
    try tar("a", to: "a.tar")
    #expect(
      message { _ = try ArchivedImages([archive]) }
        == "\(archive): expected a class number from 0 in 2.cls, got 'dog'")
    try folder.write(Array("3".utf8), "a/2.cls")
  }

  @Test("sizes beyond octal digits are read")
  func binarySize() throws {
    try folder.writeImage("a/1.jpg")
    let archive = try tar("a", to: "a.tar")
    let plain = try ArchivedImages([archive.path])
    let image = try plain.image(at: 0)
    try patch(archive) { bytes in
      let size = Int(String(decoding: bytes[124..<135], as: UTF8.self), radix: 8)!
      bytes.replaceSubrange(
        124..<136, with: [0x80] + (0..<11).reversed().map { UInt8(truncatingIfNeeded: $0 < 8 ? size >> (8 * $0) : 0) })
      bytes.replaceSubrange(148..<156, with: Array("        ".utf8))
      let sum = bytes[0..<512].reduce(0) { $0 + Int($1) }
      let digits = String(sum, radix: 8)
      let field = String(repeating: "0", count: 6 - digits.count) + digits
      bytes.replaceSubrange(148..<156, with: Array(field.utf8) + [0, 32])
    }
    #expect(try ArchivedImages([archive.path]).image(at: 0) == image)
  }

  @Test("what is no archive, cut short, damaged or without images is refused with its place")
  func damage() throws {
    try folder.writeImage("a/1.jpg", side: 64)
    try folder.writeImage("a/2.jpg", side: 64)
    let archive = try tar("a", to: "a.tar")
    let path = archive.path
    let size = try Data(contentsOf: folder.url.appendingPathComponent("a/1.jpg")).count
    let second = 512 + (size + 511) / 512 * 512
    let bytes = Array(try Data(contentsOf: archive))

    try Data(bytes[..<(second + 600)]).write(to: archive)
    #expect(
      message { _ = try ArchivedImages([path]) }
        == "\(path) ends early: 2.jpg should go on to byte \(second + 512 + size), but the archive ends at "
        + "\(second + 600); fetch it again")
    try Data(bytes[..<(second + 100)]).write(to: archive)
    #expect(
      message { _ = try ArchivedImages([path]) }
        == "\(path) ends early: no end mark follows its last file, 1.jpg. Fetch it again, or, if it is whole and was "
        + "written so, append the mark: head -c 1024 /dev/zero >> FILE")
    try Data(bytes).write(to: archive)
    try patch(archive) { $0[second + 3] ^= 1 }
    #expect(
      message { _ = try ArchivedImages([path]) }
        == "\(path) is damaged at byte \(second): expected the header of a file; fetch it again")
    try Data("no archive, but long enough for a block ".utf8 + Data(count: 600)).write(to: archive)
    #expect(
      message { _ = try ArchivedImages([path]) }
        == "\(path) is not a tar archive (compressed ones have to be decompressed first)")
    try Data().write(to: archive)
    #expect(message { _ = try ArchivedImages([path]) } == "\(path) is empty: expected a tar archive of images")
    try folder.write([1], "b/notes.txt")
    let other = try tar("b", to: "b.tar").path
    #expect(
      message { _ = try ArchivedImages([other]) }
        == "\(other): no images in it; expected image files (\(ImageKind.names)) in a tar archive")
  }

  @Test("an image that is a link, hard or symbolic, is not passed over")
  func links() throws {
    try folder.writeImage("hard/a/1.jpg")
    try FileManager.default.linkItem(atPath: folder.path + "/hard/a/1.jpg", toPath: folder.path + "/hard/a/2.jpg")
    try folder.writeImage("soft/a/1.jpg")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/soft/a/2.jpg", withDestinationPath: "1.jpg")
    for name in ["hard", "soft"] {
      let archive = try tar(name, to: name + ".tar").path
      #expect(
        message { _ = try ArchivedImages([archive]) }
          == "\(archive): a/2.jpg is a link, expected the image itself; pack it with tar --dereference --hard-dereference"
      )
    }
  }

  @Test("patterns that name nothing, and archives asked for a split, are refused")
  func patterns() throws {
    let path = folder.path
    let pattern = folder.url.appendingPathComponent("x-{00..02}.tar")
    #expect(
      message { _ = try DataSetLocator.open(pattern, split: .train) }
        == "\(path)/x-00.tar: no such archive; expected 3 of them")
    #expect(
      message { _ = try DataSetLocator.open(pattern, split: .test) }
        == "\(path)/x-{00..02}.tar: archives hold no split of their own; for test images give a folder that holds "
        + "train/ and test/ or val/ with archives in them")
    for (text, reason) in [
      ("x-{00..02.tar", "expected a } after its {"),
      ("x-{2..1}.tar", "expected {first..last} or {one,other}, got {2..1}"),
    ] {
      let url = folder.url.appendingPathComponent(text)
      #expect(message { _ = try DataSetLocator.open(url, split: .train) } == "\(path)/\(text): \(reason)")
    }
  }
}
