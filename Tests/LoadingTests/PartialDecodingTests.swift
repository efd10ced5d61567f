import Augmentation
import DataSets
import Foundation
import Images
import Loading
import Randomness
import TestSupport
import Testing
import Torch

/// JPEG files in memory.
private struct EncodedDataSet: ImageDataSet {
  let layout = "in memory"
  let files: [[UInt8]]
  let reads = Box<[Int]>([])

  var count: Int { files.count }
  var classNames: [String] { [] }

  func label(at index: Int) -> Int? { nil }

  func name(at index: Int) -> String { "file \(index)" }

  func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    reads.update { $0.append(index) }
    _ = buffer.resize(to: files[index].count).update(fromContentsOf: files[index])
    return .encoded
  }

  /// Images with slopes, edges and fine texture, each another.
  static func photos(_ count: Int, width: Int, height: Int) throws -> EncodedDataSet {
    let files = try (0..<count).map { number -> [UInt8] in
      var generator = PhiloxGenerator(seed: 5, epoch: 0, sample: number, stream: 0)
      let (slope, period) = (1 + generator.integer(below: 3), 17 + generator.integer(below: 90))
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * 3)
      for y in 0..<height {
        for x in 0..<width {
          let isInside = (x / period + y / period) % 2 == 0
          for channel in 0..<3 {
            let shade =
              (x * slope / 4 + y * (channel + 1) / 6) % 160 + (isInside ? 60 : 0) + generator.integer(below: 9)
            pixels.append(UInt8(shade))
          }
        }
      }
      return try ImageCodec.encodeJPEG(PixelImage(width: width, height: height, pixels: pixels), quality: 90)
    }
    return EncodedDataSet(files: files)
  }
}

/// The loader decodes what the views need, no more, and once where that is possible; none of which may be seen.
@Suite("Decoding for views", .serialized)
struct PartialDecodingTests {
  private func batches(
    _ dataSet: EncodedDataSet, size: Int, epochs: Int = 1, dctScaling: Bool = true,
    options: (inout ViewLoader.Options) -> Void = { _ in }
  ) throws -> [ViewBatch] {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = size
    configuration.dctScaling = dctScaling
    var loaderOptions = ViewLoader.Options(threads: 2)
    options(&loaderOptions)
    let loader = ViewLoader(
      dataSet: dataSet, augmenter: ViewAugmenter(configuration, seed: 3),
      sampler: try EpochSampler(count: dataSet.count, globalBatchSize: dataSet.count, seed: 3), options: loaderOptions)
    var found: [ViewBatch] = []
    let stream = loader.epochs(0..<epochs)
    while let batch = try stream.next() { found.append(batch) }
    return found
  }

  @Test("views of large JPEGs are those of the whole decoded image, to the bit")
  func largeImages() throws {
    let dataSet = try EncodedDataSet.photos(6, width: 401, height: 299)
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 48
    configuration.dctScaling = false
    let augmenter = ViewAugmenter(configuration, seed: 3)
    for batch in try batches(dataSet, size: 48, epochs: 3, dctScaling: false).enumerated() {
      for (number, view) in batch.element.views.enumerated() {
        let values = view.array(of: Float.self)
        let count = values.count / dataSet.count
        for (place, sample) in batch.element.sampleIndices.enumerated() {
          let image = augmenter.view(
            of: try dataSet.image(at: sample), epoch: batch.offset, sample: sample, view: number)
          var expected = [Float](repeating: 0, count: count)
          expected.withUnsafeMutableBufferPointer { augmenter.write(normalized: image, to: $0) }
          #expect(Array(values[place * count..<(place + 1) * count]) == expected)
        }
      }
    }
  }

  @Test("decoding at a smaller scale stays within a mean of one level and, for 99 % of samples, of six")
  func scaledDecoding() throws {
    let dataSet = try EncodedDataSet.photos(4, width: 1203, height: 902)
    let scaled = try batches(dataSet, size: 32, epochs: 4)
    let full = try batches(dataSet, size: 32, epochs: 4, dctScaling: false)
    // In standard deviations of ImageNet's channels, the smallest of which is 0.224 · 255 levels.
    let level = 1 / (0.229 * 255)
    var differences: [Double] = []
    for (left, right) in zip(scaled, full) {
      for (first, second) in zip(left.views, right.views) {
        let pairs = zip(first.array(of: Float.self), second.array(of: Float.self))
        differences += pairs.map { abs(Double($0) - Double($1)) / level }
      }
    }
    differences.sort()
    let mean = differences.reduce(0, +) / Double(differences.count)
    #expect(mean > 0, "something is decoded at a smaller scale")
    #expect(mean <= 1 && differences[differences.count * 99 / 100] <= 6, "mean \(mean)")
  }

  @Test("a large file that is cut off is replaced whatever part of it the crops need")
  func cutOff() throws {
    let whole = try EncodedDataSet.photos(100, width: 330, height: 220)
    var files = whole.files
    files[41] = files[41].dropLast(30)
    let dataSet = EncodedDataSet(files: files)
    for batch in try batches(dataSet, size: 8, epochs: 8) {
      #expect(!batch.sampleIndices.contains(41) && batch.sampleIndices.count { $0 == 42 } == 2)
    }
    #expect(try DataSetInspection(of: dataSet, threads: 1).badImageCount == 1)
  }

  @Test("small images are read once when they are kept, and give the same views")
  func cache() throws {
    let dataSet = try EncodedDataSet.photos(8, width: 40, height: 30)
    let fresh = try batches(dataSet, size: 16, epochs: 3)
    #expect(dataSet.reads.value.count == 24)
    let kept = try batches(dataSet, size: 16, epochs: 3) { $0.cacheCapacity = 1 << 20 }
    for (left, right) in zip(fresh, kept) {
      #expect(left.first.isIdentical(to: right.first) && left.second.isIdentical(to: right.second))
    }
  }

  @Test("of small images as many are kept as there is room for")
  func cacheCapacity() throws {
    let dataSet = try EncodedDataSet.photos(8, width: 40, height: 30)
    _ = try batches(dataSet, size: 16, epochs: 5) {
      $0.cacheCapacity = 3 * 3 * 40 * 30 + 100
      $0.threads = 1
      $0.batchesAhead = 1
    }
    #expect(dataSet.reads.value.count == 8 + 4 * 5)
  }

  @Test("views of 16 bits are the float32 ones, rounded to the nearest", arguments: [DType.bfloat16, .float16])
  func halves(dtype: DType) throws {
    let dataSet = try EncodedDataSet.photos(3, width: 40, height: 30)
    let floats = try batches(dataSet, size: 16)[0]
    let halves = try batches(dataSet, size: 16) { $0.dtype = dtype }[0]
    #expect(halves.first.dtype == dtype)
    #expect(halves.first.isIdentical(to: floats.first.to(dtype).channelsLast()))
    #expect(halves.second.array(of: Float.self) == floats.second.to(dtype).array(of: Float.self))
  }

  @Test(
    "asked for memory that CUDA devices read, a machine without them gives the views as ever",
    arguments: [DType.bfloat16, .uint8])
  func pinnedMemory(dtype: DType) throws {
    let dataSet = try EncodedDataSet.photos(3, width: 40, height: 30)
    let plain = try batches(dataSet, size: 16) { $0.dtype = dtype }[0]
    let pinned = try batches(dataSet, size: 16) { ($0.dtype, $0.pinsMemory) = (dtype, true) }[0]
    #expect(zip(plain.views, pinned.views).allSatisfy { $0.isIdentical(to: $1) })
  }

  @Test("an image that cannot be decoded is named with its reason")
  func badImage() throws {
    var dataSet = try EncodedDataSet.photos(120, width: 20, height: 20)
    dataSet = EncodedDataSet(files: dataSet.files.dropLast() + [Array(dataSet.files[0].prefix(200))])
    let names = Box<[String]>([])
    let loader = ViewLoader(
      dataSet: dataSet, augmenter: ViewAugmenter(AugmentationConfiguration(), seed: 0),
      sampler: try EpochSampler(count: 120, globalBatchSize: 120, seed: 0), options: .init(threads: 2)
    ) { name in names.update { $0.append(name) } }
    _ = try loader.epoch(0).next()
    #expect(names.value.count == 1 && names.value[0].hasPrefix("file 119: "))
  }
}
