import DataSets
import Foundation
import Images
import TestSupport
import Testing

/// Data sets in the form in which they are published.
@Suite("Data set layouts")
struct DataSetLayoutTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file of that size, which takes no room on the disk but for the bytes that are written.
  private func writeSparse(_ name: String, size: Int, _ parts: [Int: [UInt8]]) throws {
    try folder.write([], name)
    let file = try #require(FileHandle(forWritingAtPath: folder.path + "/" + name))
    for (offset, bytes) in parts {
      try file.seek(toOffset: UInt64(offset))
      try file.write(contentsOf: Data(bytes))
    }
    try file.truncate(atOffset: UInt64(size))
    try file.close()
  }

  @Test("CIFAR-100: fine labels, interleaved pixels")
  func cifar100() throws {
    let record = 3074
    try writeSparse(
      "cifar-100-binary/train.bin", size: 50_000 * record, [record * 7: [3, 99, 11], record * 7 + 2 + 1024: [22]])
    try writeSparse("cifar-100-binary/test.bin", size: 10_000 * record, [1: [5]])
    let train = try DataSetLocator.open(folder.url, split: .train)
    #expect(train.count == 50_000 && train.classNames.count == 100 && train.label(at: 7) == 99)
    #expect(try train.image(at: 7).pixels.prefix(4) == [11, 22, 0, 0])
    #expect(try DataSetLocator.open(folder.url, split: .test).label(at: 0) == 5)
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .unlabeled) }
        == "\(folder.path): no unlabeled images apart; expected unlabeled/ or stl10_binary in it")
    let path = folder.path + "/cifar-100-binary/test.bin"
    try writeSparse("cifar-100-binary/test.bin", size: 10_000 * record, [3 * record + 1: [100]])
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .test) }
        == "\(path): record 3 has label 100, expected 0…99: the file is damaged; get it again")
    try folder.write([1, 2], "cifar-100-binary/test.bin")
    #expect(
      message { _ = try DataSetLocator.open(folder.url, split: .test) }
        == "\(path): expected 30740000 bytes (10000 records of 3074), got 2: the file is incomplete or not CIFAR-100; "
        + "get it again")
  }

  @Test("STL-10: columns become rows, labels begin at 0, folds and unlabeled images are apart")
  func stl10() throws {
    let record = 3 * 96 * 96
    // Samples follow down the columns: the second of a plane lies below the first.
    try writeSparse(
      "stl10_binary/train_X.bin", size: 5_000 * record, [record: [7, 8], record + 96 * 96: [9], record + 96: [6]])
    try folder.write([UInt8](repeating: 10, count: 5_000), "stl10_binary/train_y.bin")
    try writeSparse("stl10_binary/unlabeled_X.bin", size: 100_000 * record, [:])
    try folder.write(
      Array(
        (0..<10).map { fold in (0..<3).map { String(1000 * ($0 % 5) + fold) }.joined(separator: " ") + " " }
          .joined(separator: "\n").utf8), "stl10_binary/fold_indices.txt")
    let root = folder.url.appendingPathComponent("stl10_binary")
    let train = try DataSetLocator.open(root, split: .train)
    #expect(train.count == 5_000 && train.label(at: 1) == 9 && train.classNames.count == 10)
    let image = try train.image(at: 1)
    #expect(image.width == 96 && image.pixels[0] == 7 && image.pixels[1] == 9)
    #expect(image.pixels[3] == 6, "the pixel to the right")
    #expect(image.pixels[3 * 96] == 8, "the pixel below")
    let unlabeled = try DataSetLocator.open(folder.url, split: .unlabeled)
    #expect(unlabeled.count == 100_000 && unlabeled.label(at: 0) == nil && unlabeled.classNames.isEmpty)
    let both = JoinedDataSet(train, unlabeled)
    #expect(both.count == 105_000 && both.label(at: 0) == nil)
    #expect(both.name(at: 5_003) == unlabeled.name(at: 3) && both.name(at: 4_999) == train.name(at: 4_999))
    let fold = try STL10.fold(2, in: root)
    #expect((0..<3).map(fold.name(at:)) == [2, 1002, 2002].map(train.name(at:)))
    let folds = try DataSetLocator.folds(at: folder.url)
    #expect(folds.count == 10 && folds[2] == [2, 1002, 2002])
    try folder.write(Array("1 2\n".utf8), "stl10_binary/fold_indices.txt")
    #expect(
      message { _ = try STL10.fold(2, in: root) }
        == "\(root.path)/fold_indices.txt: expected ten lines of indices from 0 to 4999; get STL-10 again")
    try folder.write([UInt8](repeating: 0, count: 5_000), "stl10_binary/train_y.bin")
    #expect(
      message { _ = try STL10(root, split: .train) }
        == "\(root.path)/train_y.bin: label 0 of image 0, expected 1…10: the file is damaged; get it again")
  }

  @Test("CIFAR-100 and STL-10 have the pixels and labels that torchvision reads")
  func readingOrder() throws {
    let fixture = try ImageFixture("binary_images")
    let place = 4_321
    func expectSame(_ name: String, _ dataSet: any ImageDataSet) throws {
      #expect(try dataSet.image(at: place) == fixture.image(name + ".pixels"))
      #expect(dataSet.label(at: place) == fixture.integers(name + ".label")[0])
    }
    let label = UInt8(fixture.integers("cifar100.label")[0])
    let record = fixture.bytes("cifar100.record")
    try writeSparse(
      "cifar-100-binary/train.bin", size: 50_000 * 3_074, [place * 3_074: [0, label] + record])
    try expectSame("cifar100", CIFAR100(folder.url.appendingPathComponent("cifar-100-binary"), split: .train))

    let planes = fixture.bytes("stl10.record")
    try writeSparse("stl10_binary/train_X.bin", size: 5_000 * planes.count, [place * planes.count: planes])
    var labels = [UInt8](repeating: 1, count: 5_000)
    labels[place] = UInt8(fixture.integers("stl10.label")[0]) + 1
    try folder.write(labels, "stl10_binary/train_y.bin")
    try expectSame("stl10", STL10(folder.url.appendingPathComponent("stl10_binary"), split: .train))
  }

  @Test("Tiny-ImageNet: validation images have the classes of their annotations")
  func tinyImageNet() throws {
    for name in ["n02/images/n02_0.JPEG", "n01/images/n01_0.JPEG"] { try folder.writeImage("train/" + name) }
    for name in ["val_0.JPEG", "val_1.JPEG"] { try folder.writeImage("val/images/" + name) }
    try folder.writeImage("test/images/test_0.JPEG")
    try folder.write(
      Array("val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t1\t1\t2\t2\n".utf8), "val/val_annotations.txt")
    #expect(try DataSetLocator.open(folder.url, split: .train).classNames == ["n01", "n02"])
    let test = try DataSetLocator.open(folder.url, split: .test)
    #expect(test.classNames == ["n01", "n02"] && (0..<2).map(test.label(at:)) == [1, 0])
    #expect(test.layout == "images in a folder, classes from val_annotations.txt")
    let list = folder.path + "/val/val_annotations.txt"
    for (text, reason) in [
      ("val_0.JPEG\tn02\n", "no class for \(folder.path)/val/images/val_1.JPEG"),
      (
        "val_0.JPEG\tn02\nval_1.JPEG\tcat\n",
        "\(folder.path)/val/images/val_1.JPEG is of class 'cat', which is none of the 2 of the train images"
      ),
      ("val_0.JPEG\n", "expected a file name and a class in the line 'val_0.JPEG'"),
    ] {
      try folder.write(Array(text.utf8), "val/val_annotations.txt")
      #expect(message { _ = try DataSetLocator.open(folder.url, split: .test) } == "\(list): \(reason)")
    }
  }

  @Test("validation images in one folder take their classes from val.txt")
  func flatValidation() throws {
    for name in ["train/a/1.jpg", "train/b/1.jpg", "val/1.jpg", "val/2.jpg"] { try folder.writeImage(name) }
    try folder.write(Array("1.jpg 1\n2.jpg 0\n".utf8), "val.txt")
    let test = try DataSetLocator.open(folder.url, split: .test)
    #expect((0..<2).map(test.label(at:)) == [1, 0])
  }

  @Test("a list of classes keeps their images, with labels from 0")
  func classList() throws {
    for name in ["a/1.jpg", "b/1.jpg", "c/1.jpg", "c/2.jpg"] { try folder.writeImage("images/" + name) }
    let whole = try ImageFolder(folder.url.appendingPathComponent("images"))
    let list = try folder.write(Array("c\na\n".utf8), "classes.txt")
    let subset = try SubsetDataSet(whole, classesIn: list)
    #expect(subset.classNames == ["a", "c"] && (0..<3).map(subset.label(at:)) == [0, 1, 1])
    #expect(subset.name(at: 2) == whole.name(at: 3))
    #expect(try subset.image(at: 2) == whole.image(at: 3))
    try folder.write(Array("c\nx\ny\n".utf8), "classes.txt")
    #expect(
      message { _ = try SubsetDataSet(whole, classesIn: list) }
        == "\(list.path): 2 of 3 classes are not in the data set (first: x), which has a, b, c, …")
  }

  @Test("class folders whose names are the same text in other bytes are told apart, and a list means the first")
  func equivalentNames() throws {
    for (number, name) in ["e\u{301}", "\u{e9}"].enumerated() {
      try folder.writeImage("{images}/\(name)/\(number).jpg")
    }
    let images = try DataSetLocator.open(folder.url.appendingPathComponent("{images}"), split: .train)
    #expect(images.classNames.count == 2 && (0..<2).map(images.label(at:)) == [0, 1])
    let list = try folder.write(Array("\u{e9}\n".utf8), "classes.txt")
    let subset = try SubsetDataSet(images, classesIn: list)
    #expect(subset.count == 1 && subset.name(at: 0).hasSuffix("/0.jpg"))
  }

  @Test("a list of images keeps those, in the data set's order")
  func imageList() throws {
    for name in ["n1/n1_1.JPEG", "n1/n1_2.JPEG", "n2/n2_1.JPEG"] { try folder.writeImage("images/" + name) }
    let whole = try ImageFolder(folder.url.appendingPathComponent("images"))
    let list = try folder.write(Array("n2_1.JPEG\nn1_2.JPEG\n".utf8), "1percent.txt")
    let subset = try SubsetDataSet(whole, imagesIn: list)
    #expect((0..<2).map(subset.name(at:)) == [whole.name(at: 1), whole.name(at: 2)])
    #expect(subset.classNames == whole.classNames && (0..<2).map(subset.label(at:)) == [0, 1])
    try folder.write(Array("n2_1.JPEG\nn9_1.JPEG\n".utf8), "1percent.txt")
    #expect(
      message { _ = try SubsetDataSet(whole, imagesIn: list) }
        == "\(list.path): 1 of 2 images are not in the data set (first: n9_1.JPEG)")
    try folder.write([], "1percent.txt")
    #expect(
      message { _ = try SubsetDataSet(whole, imagesIn: list) } == "\(list.path) is empty: expected one name a line")
    let missing = folder.url.appendingPathComponent("none.txt")
    #expect(
      message { _ = try SubsetDataSet(whole, imagesIn: missing) }
        == "\(missing.path): cannot be read; expected a text file with one name a line")
  }
}
