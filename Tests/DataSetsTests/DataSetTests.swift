import DataSets
import Foundation
import Images
import TestSupport
import Testing

/// Full-sized CIFAR-10 files that take no room on the disk; record `n` of a file has label `n % 10` for the first 100.
func writeSparseCIFAR10(to folder: URL) throws {
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  for (number, name) in ((1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]).enumerated() {
    let path = folder.appendingPathComponent(name).path
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    let file = try #require(FileHandle(forWritingAtPath: path))
    for record in 0..<100 {
      try file.seek(toOffset: UInt64(record * 3073))
      try file.write(contentsOf: Data([UInt8(record % 10), UInt8(10 * number + record % 10)]))
    }
    try file.truncate(atOffset: 30_730_000)
    try file.close()
  }
  let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
  try names.write(to: folder.appendingPathComponent("batches.meta.txt"), atomically: true, encoding: .utf8)
}

@Suite("Image folder")
struct ImageFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("class folders give labels in byte order of their names")
  func classFolders() throws {
    for name in ["b/2.jpg", "b/10.JPG", "B/1.jpeg", "ä/1.png", "a/deep/er/1.jpg", "a/0.jpg"] {
      try folder.writeImage(name)
    }
    try folder.write([1], "a/notes.txt")
    try folder.write([1], ".hidden/1.jpg")
    try folder.write([1], "a/.hidden.jpg")
    let images = try ImageFolder(folder.url)
    #expect(images.classNames == ["B", "a", "b", "ä"])
    let names = ["B/1.jpeg", "a/0.jpg", "a/deep/er/1.jpg", "b/10.JPG", "b/2.jpg", "ä/1.png"]
    #expect((0..<images.count).map(images.name(at:)) == names.map { folder.path + "/" + $0 })
    #expect((0..<images.count).map(images.label(at:)) == [0, 1, 1, 2, 2, 3])
    #expect(try images.image(at: 5).width == 8)
  }

  @Test("a class without images keeps its label")
  func emptyClass() throws {
    try folder.writeImage("a/1.jpg")
    try folder.writeImage("c/1.jpg")
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("b"), withIntermediateDirectories: false)
    let images = try ImageFolder(folder.url)
    #expect(images.classNames == ["a", "b", "c"] && images.label(at: 1) == 2)
  }

  @Test("a flat folder has images without labels, even a single one")
  func flatFolder() throws {
    try folder.writeImage("only.png")
    try folder.write([1], "README.md")
    let images = try ImageFolder(folder.url)
    #expect(images.count == 1 && images.classNames.isEmpty && images.label(at: 0) == nil)
    #expect(images.name(at: 0) == folder.path + "/only.png")
  }

  @Test("links are followed, and links in circles end")
  func links() throws {
    try folder.writeImage("images/a/1.jpg")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/images/a/loop", withDestinationPath: folder.path + "/images/a")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/images/b", withDestinationPath: folder.path + "/images/a")
    let images = try ImageFolder(folder.url.appendingPathComponent("images"))
    #expect(images.classNames == ["a", "b"] && images.count == 2)
  }

  @Test("a pipe that is named like an image is not waited for")
  func pipe() throws {
    try folder.writeImage("a/1.jpg")
    #expect(mkfifo(folder.path + "/a/2.jpg", 0o600) == 0 && mkfifo(folder.path + "/b.tar", 0o600) == 0)
    let images = try ImageFolder(folder.url)
    #expect(
      message { _ = try images.image(at: 1) }
        == "\(folder.path)/a/2.jpg: expected a file, got a folder, pipe or device")
    #expect(message { _ = try ArchivedImages([folder.path + "/b.tar"]) }.hasSuffix("got a pipe or device"))
  }

  @Test("a file that is no image shows when it is decoded, by name")
  func notAnImage() throws {
    try folder.write(Array("hello".utf8), "a/1.jpg")
    let images = try ImageFolder(folder.url)
    #expect(
      message { _ = try images.image(at: 0) }
        == "\(folder.path)/a/1.jpg: expected an image, got something else: its first bytes are 68 65 6c 6c")
  }

  @Test("says what is wrong with a folder")
  func messages() throws {
    #expect(
      message { _ = try ImageFolder(folder.url) }
        == "\(folder.path): no images in it; expected image files (\(ImageKind.names)), directly or in one folder a class"
    )
    try folder.write([1], "a/1.PSD")
    #expect(
      message { _ = try ImageFolder(folder.url) }
        == "\(folder.path): no images in it; it has .psd files, but only images (\(ImageKind.names)) and .tar archives "
        + "are read: convert them first")
    try folder.writeImage("a/1.jpg")
    try folder.writeImage("2.jpg")
    #expect(
      message { _ = try ImageFolder(folder.url) }
        == "\(folder.path) holds images directly (1, first 2.jpg) and in sub-folders (1, first a/1.jpg); keep either class "
        + "folders or a flat folder")
  }

  @Test("a folder without permission is named")
  func noPermission() throws {
    try folder.writeImage("secret/1.jpg")
    let secret = folder.path + "/secret"
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: secret)
    let text = asOrdinaryUser { message { _ = try ImageFolder(folder.url) } }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: secret)
    #expect(text == "cannot read the folder \(secret): permission denied; check its owner and mode")
  }

  /// Root may read everything; Linux lets one thread give that up for a while (capset).
  private func asOrdinaryUser<Result>(_ body: () -> Result) -> Result {
    guard geteuid() == 0 else { return body() }
    typealias Call = @convention(c) (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> Int32
    let getCapabilities = unsafeBitCast(dlsym(nil, "capget"), to: Call.self)
    let setCapabilities = unsafeBitCast(dlsym(nil, "capset"), to: Call.self)
    var thisThread: [UInt32] = [0x2008_0522, 0]
    // Effective, permitted and inheritable ones, in two words each.
    var capabilities = [UInt32](repeating: 0, count: 6)
    #expect(getCapabilities(&thisThread, &capabilities) == 0)
    let all = capabilities[0]
    let readsEverything: UInt32 = 1 << 1 | 1 << 2
    capabilities[0] &= ~readsEverything
    #expect(setCapabilities(&thisThread, &capabilities) == 0)
    defer {
      capabilities[0] = all
      #expect(setCapabilities(&thisThread, &capabilities) == 0)
    }
    return body()
  }
}

@Suite("CIFAR-10")
struct CIFAR10Tests {
  let folder: TemporaryFolder
  let root: URL

  init() throws {
    folder = try TemporaryFolder()
    root = folder.url.appendingPathComponent("cifar-10-batches-bin")
    try writeSparseCIFAR10(to: root)
  }

  @Test("reads labels, names and planes of both splits")
  func reads() throws {
    let train = try CIFAR10(root, split: .train)
    #expect(train.count == 50_000 && train.classNames.count == 10 && train.classNames[9] == "truck")
    #expect(train.label(at: 30_003) == 3)
    #expect(train.name(at: 30_003) == root.path + "/data_batch_4.bin, record 3")
    // The first pixel: red is written, green and blue are zero.
    #expect(try train.image(at: 30_003).pixels.prefix(4) == [33, 0, 0, 0])
    let test = try CIFAR10(root, split: .test)
    #expect(test.count == 10_000)
    #expect(try test.image(at: 1).pixels.prefix(4) == [51, 0, 0, 0])
  }

  @Test("planes become interleaved pixels")
  func interleaves() throws {
    let file = try #require(FileHandle(forUpdatingAtPath: root.path + "/test_batch.bin"))
    try file.seek(toOffset: 3073)
    let value = { (channel: Int, pixel: Int) in UInt8(channel * 80 + pixel % 71) }
    let planes = (0..<3).flatMap { channel in (0..<1024).map { value(channel, $0) } }
    try file.write(contentsOf: Data([7] + planes))
    try file.close()
    let test = try CIFAR10(root, split: .test)
    #expect(test.label(at: 1) == 7)
    let expected = (0..<1024).flatMap { pixel in (0..<3).map { value($0, pixel) } }
    #expect(try test.image(at: 1) == PixelImage(width: 32, height: 32, pixels: expected))
  }

  @Test("a truncated, missing or damaged file is refused with a clear line")
  func refusesDamage() throws {
    let third = root.path + "/data_batch_3.bin"
    #expect(truncate(third, 30_729_999) == 0)
    #expect(
      message { _ = try CIFAR10(root, split: .train) }
        == "\(third): expected 30730000 bytes (10000 records of 3073), got 30729999: the file is incomplete or not "
        + "CIFAR-10; get it again")
    try FileManager.default.removeItem(atPath: third)
    #expect(
      message { _ = try CIFAR10(root, split: .train) }
        == "\(third) is missing: get CIFAR-10 again")
    let test = root.path + "/test_batch.bin"
    let file = try #require(FileHandle(forUpdatingAtPath: test))
    try file.seek(toOffset: 3073 * 9999)
    try file.write(contentsOf: Data([10]))
    try file.close()
    #expect(
      message { _ = try CIFAR10(root, split: .test) }
        == "\(test): record 9999 has label 10, expected 0…9: the file is damaged; get it again")
  }

  @Test("is found in its folder and in the folder above")
  func isLocated() throws {
    #expect(try DataSetLocator.open(root, split: .test).count == 10_000)
    #expect(try DataSetLocator.open(folder.url, split: .train).count == 50_000)
  }
}

@Suite("Data set locator")
struct DataSetLocatorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("finds train/ and test/ or val/ in a root", arguments: ["test", "val"])
  func splits(name: String) throws {
    try folder.writeImage("train/a/1.jpg")
    try folder.writeImage("train/a/2.jpg")
    try folder.writeImage("\(name)/a/1.jpg")
    #expect(try DataSetLocator.open(folder.url, split: .train).count == 2)
    #expect(try DataSetLocator.open(folder.url, split: .test).count == 1)
  }

  @Test("takes a folder of images itself for training")
  func rootItself() throws {
    try folder.writeImage("a/1.jpg")
    try folder.writeImage("b/1.jpg")
    #expect(try DataSetLocator.open(folder.url, split: .train).classNames == ["a", "b"])
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .test) }
        == "\(folder.path): no test images; expected test/ or val/ in it, but it has a/, b/")
  }

  @Test("a root with test images only is not taken for training images")
  func onlyTest() throws {
    try folder.writeImage("test/a/1.jpg")
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .train) }
        == "\(folder.path): no training images; expected train/ in it, but it has test/")
  }

  @Test("says what is wrong with a path")
  func messages() throws {
    let missing = folder.url.appendingPathComponent("missing")
    #expect(
      message { _ = try DataSetLocator.open(missing, split: .train) }
        == "\(missing.path): no such folder; expected a folder of images, class folders, or a folder that "
        + "holds train/. Try an absolute path")
    let file = try folder.write([1], "archive.tar.gz")
    #expect(
      message { _ = try DataSetLocator.open(file, split: .test) }
        == "\(file.path) is a file; expected a folder that holds test/ or val/ (or cifar-10-batches-bin/). Of files "
        + "only .tar archives are read: decompress others")
    try FileManager.default.removeItem(at: file)
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .test) }
        == "\(folder.path): no test images; expected test/ or val/ in it, but it has no folders")
    #expect(message { _ = try DataSetLocator.open(folder.url, split: .train) }.contains("no images in it"))
  }
}
