import DataSets
import Foundation
import Images
import TestSupport
import Testing

@Suite("Shapes")
struct ShapesDataSetTests {
  @Test("the same images at any number of threads, and others for another seed")
  func sameAtAnyThreadCount() throws {
    let folder = try TemporaryFolder()
    let shapes = try ShapesDataSet(trainCount: 60, testCount: 20, imageSizePixels: 32, seed: 3)
    for threads in [1, 2, 4] {
      #expect(try shapes.write(to: folder.url.appendingPathComponent("\(threads)"), threads: threads) == .written)
    }
    let images = folder.contents().filter { $0.hasPrefix("1/") && $0.hasSuffix(".jpg") }.map { $0.dropFirst(2) }
    #expect(images.count == 80)
    #expect(images.contains("train/arrow/00000.jpg") && images.contains("test/triangle/00001.jpg"))
    for image in images {
      let bytes = try ["1", "2", "4"].map { try Data(contentsOf: folder.url.appendingPathComponent("\($0)/\(image)")) }
      #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2], "\(image)")
    }
    let other = try ShapesDataSet(trainCount: 60, testCount: 20, imageSizePixels: 32, seed: 4)
    #expect(shapes.image(at: 0, of: .train) != other.image(at: 0, of: .train))
    #expect(shapes.image(at: 0, of: .train) != shapes.image(at: 0, of: .test))
    #expect(shapes.image(at: 0, of: .train) != shapes.image(at: 10, of: .train))
  }

  @Test("draws exactly the pixels it has always drawn")
  func pixelsNeverChange() throws {
    // A change here changes every user's data set: raise ShapesDataSet's version with it.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for size in [32, 57, 224] {
      let shapes = try ShapesDataSet(imageSizePixels: size, seed: 0x1234_5678_9abc)
      for index in 0..<20 {
        for value in shapes.image(at: index, of: .test).pixels {
          hash = (hash ^ UInt64(value)) &* 0x100_0000_01b3
        }
      }
    }
    #expect(String(hash, radix: 16) == "8f3aab31fe7b191e")
  }

  @Test("is an ordinary data set of class folders")
  func opensAsImageFolder() throws {
    let folder = try TemporaryFolder()
    let root = folder.url.appendingPathComponent("shapes")
    try ShapesDataSet(trainCount: 20, testCount: 10, imageSizePixels: 48).write(to: root, threads: 2)
    let train = try DataSetLocator.open(root, split: .train)
    let test = try DataSetLocator.open(root, split: .test)
    #expect(train.count == 20 && test.count == 10)
    #expect(train.classNames == ShapesDataSet.classNames && test.classNames == ShapesDataSet.classNames)
    #expect(train.classNames.count >= 10 && train.classNames == train.classNames.sorted())
    #expect((0..<20).map(train.label(at:)) == (0..<20).map { $0 / 2 })
    let image = try train.image(at: 19)
    #expect(image.width == 48 && image.height == 48)
  }

  @Test("reports progress up to the total")
  func reportsProgress() throws {
    let folder = try TemporaryFolder()
    let last = Box(0)
    try ShapesDataSet(trainCount: 10, testCount: 10, imageSizePixels: 32)
      .write(to: folder.url.appendingPathComponent("s"), threads: 2) { written, total in
        last.update { $0 = max($0, written) }
        #expect(total == 20)
      }
    #expect(last.value == 20)
  }

  @Test("a finished data set is left as it is, an unfinished one is begun again")
  func rerun() throws {
    let folder = try TemporaryFolder()
    let root = folder.url.appendingPathComponent("s")
    let shapes = try ShapesDataSet(trainCount: 10, testCount: 10, imageSizePixels: 32)
    try folder.write([1], "s.partial/train/left over")
    #expect(try shapes.write(to: root, threads: 1) == .written)
    #expect(!folder.contents().contains { $0.hasPrefix("s.partial") || $0.contains("left over") })
    let before = folder.contents()
    #expect(try shapes.write(to: root, threads: 1) == .alreadyThere)
    #expect(folder.contents() == before)
    #expect(
      message { try ShapesDataSet(trainCount: 20, testCount: 10, imageSizePixels: 32).write(to: root, threads: 1) }
        == "\(root.path) holds other shapes (10 + 10 images of 32 pixels, seed 0) than asked for "
        + "(20 + 10 images of 32 pixels, seed 0); choose another folder, or remove that one")
  }

  @Test("never writes into a folder that holds something else")
  func refusesForeignFolders() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], "photos/mine.txt")
    let file = try folder.write([1], "file")
    let shapes = try ShapesDataSet(trainCount: 10, testCount: 10, imageSizePixels: 32)
    let photos = folder.url.appendingPathComponent("photos")
    #expect(
      message { try shapes.write(to: photos, threads: 1) }
        == "\(photos.path) is not empty and holds no finished shapes data set; choose a new folder, or empty this one "
        + "yourself")
    #expect(
      message { try shapes.write(to: file, threads: 1) }
        == "\(file.path) is a file; expected a new or empty folder for the shapes")
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: false)
    #expect(try shapes.write(to: folder.url.appendingPathComponent("empty"), threads: 1) == .written)
    #expect(folder.contents().contains("photos/mine.txt"))
  }

  @Test("refuses sizes and counts it cannot draw")
  func refusesParameters() throws {
    #expect(
      message { _ = try ShapesDataSet(imageSizePixels: 31) }
        == "shapes: expected an image size of 32 to 224 pixels, got 31")
    #expect(
      message { _ = try ShapesDataSet(trainCount: 9) }
        == "shapes: expected at least 10 training images, one of each class, and at most 10 million; got 9")
  }

  @Test("a full disk is one clear line")
  func fullDisk() {
    #expect(
      message { try FileSystem.write([1, 2, 3], to: "/dev/full") }
        == "cannot write /dev/full: no space left on its disk; free some space and run again")
  }

  @Test("shapes stand out from their backgrounds")
  func shapesAreVisible() throws {
    // Between the 5th and the 95th percentile of a channel lies at least a tenth of its range.
    let shapes = try ShapesDataSet(imageSizePixels: 32)
    for index in 0..<50 {
      let image = shapes.image(at: index, of: .train)
      let greens = stride(from: 1, to: image.pixels.count, by: 3).map { Int(image.pixels[$0]) }.sorted()
      #expect(greens[greens.count * 19 / 20] - greens[greens.count / 20] > 25, "image \(index)")
    }
  }

  @Test("color statistics do not give the class away")
  func colorStatisticsAreUninformative() throws {
    let shapes = try ShapesDataSet(trainCount: 3000, testCount: 1500, imageSizePixels: 32)
    let train = (0..<3000).map { colorStatistics(shapes.image(at: $0, of: .train)) }
    let test = (0..<1500).map { colorStatistics(shapes.image(at: $0, of: .test)) }
    let labels = { (count: Int) in (0..<count).map(shapes.label(at:)) }
    let classifier = SoftmaxRegression(train, labels(3000), classCount: 10)
    #expect(classifier.accuracy(train, labels(3000)) > 0.1)
    #expect(classifier.accuracy(test, labels(1500)) < 0.18)
  }

  /// Mean and variance of each channel.
  private func colorStatistics(_ image: PixelImage) -> [Double] {
    (0..<3).flatMap { channel in
      let values = stride(from: channel, to: image.pixels.count, by: 3).map { Double(image.pixels[$0]) / 255 }
      let mean = values.reduce(0, +) / Double(values.count)
      return [mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)]
    }
  }
}

/// Multinomial logistic regression on standardized features, by gradient descent with momentum.
private struct SoftmaxRegression {
  private let mean: [Double]
  private let deviation: [Double]
  private let classCount: Int
  private var weights: [[Double]]

  init(_ features: [[Double]], _ labels: [Int], classCount: Int) {
    let (count, width) = (Double(features.count), features[0].count)
    let mean = (0..<width).map { column in features.reduce(0) { $0 + $1[column] } / count }
    deviation = (0..<width).map { column in
      (features.reduce(0) { $0 + ($1[column] - mean[column]) * ($1[column] - mean[column]) } / count).squareRoot()
    }
    self.mean = mean
    self.classCount = classCount
    weights = Array(repeating: Array(repeating: 0, count: width + 1), count: classCount)
    var velocity = weights
    let inputs = features.map(standardized)
    for _ in 0..<200 {
      var gradient = Array(repeating: Array(repeating: 0.0, count: width + 1), count: classCount)
      for (input, label) in zip(inputs, labels) {
        let scores = self.scores(input).map(exp)
        let sum = scores.reduce(0, +)
        for target in 0..<classCount {
          let error = scores[target] / sum - (target == label ? 1 : 0)
          for column in 0...width { gradient[target][column] += error * input[column] / count }
        }
      }
      for target in 0..<classCount {
        for column in 0...width {
          velocity[target][column] = 0.9 * velocity[target][column] - gradient[target][column]
          weights[target][column] += velocity[target][column]
        }
      }
    }
  }

  func accuracy(_ features: [[Double]], _ labels: [Int]) -> Double {
    let hits = zip(features, labels).count { features, label in
      let scores = self.scores(standardized(features))
      return scores.firstIndex(of: scores.max()!) == label
    }
    return Double(hits) / Double(labels.count)
  }

  private func standardized(_ features: [Double]) -> [Double] {
    features.indices.map { (features[$0] - mean[$0]) / deviation[$0] } + [1]
  }

  private func scores(_ input: [Double]) -> [Double] {
    weights.map { row in zip(row, input).reduce(0) { $0 + $1.0 * $1.1 } }
  }
}
