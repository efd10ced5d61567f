import DataSets
import Foundation
import TestSupport
import Testing

/// Which images are which part of a data set, however people call and lay out the parts.
@Suite("Splits")
struct SplitTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ names: String...) throws { for name in names { try folder.writeImage(name) } }

  /// The keys of what is opened, from the scratch folder.
  private func names(
    _ split: DataSetSplit, for use: DataSetLocator.Use = .any, at root: String = ""
  ) throws -> [String] {
    let images = try DataSetLocator(for: use).locate(folder.url.appendingPathComponent(root), split: split).images
    return (0..<images.count).map { String(images.name(at: $0).dropFirst(folder.path.count + 1)) }
  }

  @Test(
    "what people call their splits is understood",
    arguments: [
      ("train", "test"), ("training", "testing"), ("Train", "Val"), ("tr", "te"), ("TRAIN_SET", "TEST_SET"),
      ("trainset", "validset"), ("train2017", "val2017"), ("train", "valid"), ("training_data", "validation"),
      ("train", "dev"), ("train", "eval"), ("trainImages", "testImages"), ("images-train", "images-test"),
      ("seg_train", "seg_test"), ("01 train", "02 test"), ("trainval", "test"), ("train", "test1"), ("trn", "tst"),
    ])
  func namesOfSplits(train: String, test: String) throws {
    try write("\(train)/cat/1.jpg", "\(train)/dog/1.jpg", "\(test)/cat/2.jpg")
    #expect(try names(.train) == ["\(train)/cat/1.jpg", "\(train)/dog/1.jpg"])
    #expect(try names(.train, for: .pretraining).count == 2)
    #expect(try names(.test, for: .evaluation) == ["\(test)/cat/2.jpg"])
  }

  @Test("a split is asked for by what people call it")
  func splitsByName() {
    let meant: [(String, DataSetSplit?)] = [
      ("train", .train), ("Training", .train), ("val", .validation), ("dev", .validation), ("TEST", .test),
      ("eval", .test), ("unlabelled", .unlabeled), ("cat", nil), ("", nil), ("train_test", nil),
    ]
    for (name, split) in meant { #expect(DataSetSplit(calledByPeople: name) == split, "\(name)") }
  }

  @Test("classes whose names look like splits stay classes")
  func classesLikeSplits() throws {
    // Trains among other vehicles, and languages.
    try write("vehicles/bus/1.jpg", "vehicles/car/1.jpg", "vehicles/train/1.jpg")
    #expect(try names(.train, at: "vehicles").count == 3)
    try write("languages/hi/1.jpg", "languages/te/1.jpg", "languages/tr/1.jpg")
    #expect(try names(.train, for: .pretraining, at: "languages").count == 3)
    try write("objects/crash_test/1.jpg", "objects/training_shoe/1.jpg", "objects/trainer/1.jpg")
    #expect(try names(.train, for: .pretraining, at: "objects").count == 3)
  }

  @Test("for evaluation an unlabeled test/ does not hide the labeled val/ beside it, and that is said")
  func unlabeledTest() throws {
    try write("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/3.jpg")
    let found = try DataSetLocator(for: .evaluation).locate(folder.url, split: .test)
    #expect(found.path == folder.path + "/val" && found.images.count == 1)
    #expect(found.remark == "\(folder.path)/test has no labels: \(folder.path)/val is taken")
    // Where nobody asks for labels, test/ is test/, and val/ can be asked for.
    #expect(try names(.test) == ["test/3.jpg"])
    #expect(try names(.validation) == ["val/cat/2.jpg"])
  }

  @Test("a folder around all test images is no class")
  func folderAroundTestImages() throws {
    try write("train/cat/1.jpg", "train/dog/1.jpg", "valid/cat/2.jpg", "valid/dog/2.jpg", "test/unknown/3.jpg")
    #expect(try names(.test, for: .evaluation) == ["valid/cat/2.jpg", "valid/dog/2.jpg"])
  }

  @Test("a labeled test/ is measured on, whatever lies in val/")
  func labeledTest() throws {
    try write("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/dog/3.jpg")
    let found = try DataSetLocator(for: .evaluation).locate(folder.url, split: .test)
    #expect(found.path == folder.path + "/test" && found.remark == nil)
  }

  @Test("images in one folder take their classes from a list of its name", arguments: ["test", "valid"])
  func listed(name: String) throws {
    try write("train/cat/1.jpg", "train/dog/1.jpg", "\(name)/1.jpg", "\(name)/2.jpg")
    try folder.write(Array("1.jpg dog\n2.jpg cat\n".utf8), "\(name).txt")
    let images = try DataSetLocator(for: .evaluation).locate(folder.url, split: .test).images
    #expect((0..<2).map(images.label(at:)) == [1, 0])
  }

  @Test(
    "what is for tests or validation is no class of what is trained on", arguments: ["test", "Testing", "val", "dev"])
  func testBesideClasses(name: String) throws {
    try write("cat/1.jpg", "dog/1.jpg", "\(name)/cat/2.jpg")
    let images = try DataSetLocator(for: .pretraining).locate(folder.url, split: .train).images
    #expect(images.classNames == ["cat", "dog"] && images.count == 2)
    #expect(images.passedOver.text == "1 of another split (\(name)/)")
  }

  @Test("splits within the classes, or within folders around them, are found")
  func innerSplits() throws {
    try write("a/cat/train/1.jpg", "a/cat/test/2.jpg", "a/dog/train/3.jpg", "a/dog/test/4.jpg")
    for use in [DataSetLocator.Use.pretraining, .evaluation] {
      #expect(try names(.train, for: use, at: "a") == ["a/cat/train/1.jpg", "a/dog/train/3.jpg"])
    }
    #expect(try names(.test, for: .evaluation, at: "a") == ["a/cat/test/2.jpg", "a/dog/test/4.jpg"])
    try write("b/archive/images/train/cat/1.jpg", "b/archive/images/val/cat/2.jpg")
    #expect(try names(.train, for: .pretraining, at: "b") == ["b/archive/images/train/cat/1.jpg"])
    #expect(try names(.test, for: .evaluation, at: "b") == ["b/archive/images/val/cat/2.jpg"])
    try write("c/seg_train/seg_train/cat/1.jpg", "c/seg_test/seg_test/cat/2.jpg")
    #expect(try DataSetLocator.open(folder.url.appendingPathComponent("c"), split: .train).classNames == ["cat"])
    // Several data sets side by side.
    try write("d/one/train/1.jpg", "d/one/test/2.jpg", "d/two/train/3.jpg", "d/two/val/4.jpg", "d/two/test/5.jpg")
    #expect(try names(.train, for: .pretraining, at: "d") == ["d/one/train/1.jpg", "d/two/train/3.jpg"])
  }

  @Test("what lies beside train/ is named, and two folders of train images are too many to measure with")
  func besideTrain() throws {
    try write("train/cat/1.jpg", "test/cat/2.jpg", "extra/3.jpg")
    let images = try DataSetLocator.open(folder.url, split: .train)
    #expect(images.count == 1 && images.passedOver.text == "1 folder beside train/ (extra/)")
    #expect(images.classNames == ["cat"])
    try write("training/dog/4.jpg")
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .train) }
        == "\(folder.path): expected one folder of train images, but it has train/, training/: name the one to take")
    #expect(try names(.train, for: .pretraining) == ["train/cat/1.jpg", "training/dog/4.jpg"])
  }

  @Test("images in unlabeled/ are found apart")
  func unlabeled() throws {
    try write("train/cat/1.jpg", "test/cat/2.jpg", "unlabeled/3.jpg")
    #expect(try names(.unlabeled) == ["unlabeled/3.jpg"])
    let locator = DataSetLocator(for: .pretraining)
    #expect(locator.hasUnlabeledApart(folder.url))
    #expect(!locator.hasUnlabeledApart(folder.url.appendingPathComponent("train")))
  }

  @Test("what is said to be one split is taken as it is, or the split of that name in it")
  func namedSplits() throws {
    try write("mine/cat/1.jpg", "mine/dog/2.jpg", "other/train/cat/1.jpg", "other/val/cat/2.jpg")
    let locator = DataSetLocator(for: .evaluation)
    func names(_ root: String, as split: DataSetSplit) throws -> [String] {
      let images = try locator.locate(folder.url.appendingPathComponent(root), as: split).images
      return (0..<images.count).map(images.key(at:))
    }
    #expect(try names("mine", as: .test) == ["cat/1.jpg", "dog/2.jpg"])
    #expect(try names("mine", as: .train) == ["cat/1.jpg", "dog/2.jpg"])
    #expect(try names("other", as: .test) == ["cat/2.jpg"])
    #expect(try names("other/train", as: .test) == ["cat/1.jpg"])
  }

  // MARK: Archives

  private func tar(_ source: String, to name: String) throws -> URL {
    let archive = folder.url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: archive.deletingLastPathComponent(), withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["tar", "--sort=name", "-C", folder.path + "/" + source, "-cf", archive.path, "."]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return archive
  }

  @Test("folders in an archive are splits, also with a folder around them")
  func splitsInArchives() throws {
    for (place, name) in [("a", ""), ("b", "animals/")] {
      try write("\(place)/\(name)train/cat/1.jpg", "\(place)/\(name)train/dog/2.jpg", "\(place)/\(name)test/dog/3.jpg")
      let archive = try tar(place, to: "\(place).tar")
      let train = try DataSetLocator(for: .pretraining).locate(archive, split: .train).images
      #expect(
        train.classNames == ["cat", "dog"]
          && (0..<2).map(train.key(at:)) == ["\(name)train/cat/1.jpg", "\(name)train/dog/2.jpg"])
      #expect(train.passedOver.kinds.map(\.kind) == ["of another split"])
      let test = try DataSetLocator.open(archive, split: .test)
      #expect(test.classNames == ["dog"] && test.key(at: 0) == "\(name)test/dog/3.jpg")
      // The same in a folder of its own.
      try FileManager.default.createDirectory(atPath: folder.path + "/\(place)-only", withIntermediateDirectories: true)
      try FileManager.default.moveItem(atPath: archive.path, toPath: folder.path + "/\(place)-only/all.tar")
      #expect(try DataSetLocator.open(folder.url.appendingPathComponent("\(place)-only"), split: .test).count == 1)
    }
  }

  @Test("archives in one folder are splits by their names")
  func archivesByName() throws {
    for name in ["train-000", "train-001", "val-000"] {
      try write("\(name)/cat/\(name).jpg")
      _ = try tar(name, to: "shards/animals-\(name).tar")
    }
    let root = folder.url.appendingPathComponent("shards")
    let train = try DataSetLocator(for: .pretraining).locate(root, split: .train).images
    #expect((0..<train.count).map(train.key(at:)) == ["cat/train-000.jpg", "cat/train-001.jpg"])
    #expect(train.passedOver.kinds.map(\.kind) == ["archive of another split"])
    let test = try DataSetLocator.open(root, split: .test)
    #expect((0..<test.count).map(test.key(at:)) == ["cat/val-000.jpg"])
  }

  @Test("of images that samples have side by side one is taken, or the one that is called as the key says")
  func imageKey() throws {
    for number in 1...3 {
      try folder.writeImage("s/\(number).left.jpg", gray: 10)
      try folder.writeImage("s/\(number).right.jpg", gray: 250)
    }
    let archive = try tar("s", to: "s.tar")
    func names(_ key: String) throws -> [String] {
      let images = try DataSetLocator(for: .pretraining, imageKey: key).locate(archive, split: .train).images
      #expect(images.count + images.passedOver.kinds.reduce(0) { $0 + $1.count } == 6)
      return (0..<images.count).map(images.key(at:))
    }
    #expect(try names("") == ["1.left.jpg", "2.left.jpg", "3.left.jpg"])
    for key in ["right.jpg", "right", "RIGHT.JPG", ".right.jpg", "png;right.jpg"] {
      #expect(try names(key) == ["1.right.jpg", "2.right.jpg", "3.right.jpg"], "\(key)")
    }
    #expect(
      message { _ = try names("png") }
        == "\(archive.path): no image is called 'png' after its sample; there are left.jpg, right.jpg")
    // With labels, and a sample without the image.
    for number in 1...3 { try folder.write(Array("\(number % 2)".utf8), "s/\(number).cls") }
    try FileManager.default.removeItem(atPath: folder.path + "/s/2.right.jpg")
    _ = try tar("s", to: "s.tar")
    let images = try DataSetLocator(for: .evaluation, imageKey: "right.jpg").locate(archive, split: .train).images
    #expect((0..<images.count).map(images.key(at:)) == ["1.right.jpg", "3.right.jpg"])
    #expect(images.passedOver.kinds.map(\.kind).contains("of samples without right.jpg"))
  }

  @Test("an image and a mask of the same key are one sample, with something else beside them or without")
  func masks() throws {
    for number in 1...2 {
      try folder.writeImage("m/\(number).jpg")
      try folder.write(Array(Data(contentsOf: folder.writeImage("m/\(number).png"))), "m/\(number).png")
    }
    let alone = try ArchivedImages([tar("m", to: "m.tar").path])
    #expect((0..<alone.count).map(alone.key(at:)) == ["1.jpg", "2.jpg"])
    try FileManager.default.removeItem(atPath: folder.path + "/m/2.png")
    try folder.write(Array("{}".utf8), "m/1.json")
    let described = try ArchivedImages([tar("m", to: "n.tar").path])
    #expect((0..<described.count).map(described.key(at:)) == ["1.jpg", "2.jpg"])
  }
}
