import Foundation
import Images

/// What a data set holds, found by decoding its images: how many, of what classes, sizes and kinds, which are bad, and
/// the statistics that normalization needs.
///
/// Images are taken as they are stored: EXIF orientation is not applied. What is found does not depend on the number of
/// threads.
public struct DataSetInspection: Codable, Sendable, Equatable {
  /// Least, median and greatest of some numbers; with an even number of them, the median is the mean of the middle two.
  public struct Spread: Codable, Sendable, Equatable {
    public var minimum: Int
    public var median: Double
    public var maximum: Int

    public init(minimum: Int, median: Double, maximum: Int) {
      (self.minimum, self.median, self.maximum) = (minimum, median, maximum)
    }
  }

  /// The classes of all images, inspected or not.
  public struct Classes: Codable, Sendable, Equatable {
    public var count: Int
    public var imagesPerClass: Spread
    /// The first ten at most, in the order of their labels.
    public var firstNames: [String]

    public init(count: Int, imagesPerClass: Spread, firstNames: [String]) {
      (self.count, self.imagesPerClass, self.firstNames) = (count, imagesPerClass, firstNames)
    }
  }

  /// How many images are stored in what way, told by their first bytes.
  public struct Kinds: Codable, Sendable, Equatable {
    public var jpeg = 0
    public var png = 0
    public var webp = 0
    public var tiff = 0
    public var gif = 0
    public var bmp = 0
    public var avif = 0
    public var heic = 0
    public var rawPixels = 0

    public init(jpeg: Int = 0, png: Int = 0, rawPixels: Int = 0) {
      (self.jpeg, self.png, self.rawPixels) = (jpeg, png, rawPixels)
    }

    /// How many are of a kind.
    public subscript(kind: ImageKind) -> Int {
      get { self[keyPath: Self.place(of: kind)] }
      set { self[keyPath: Self.place(of: kind)] = newValue }
    }

    private static func place(of kind: ImageKind) -> WritableKeyPath<Self, Int> {
      switch kind {
      case .jpeg: \.jpeg
      case .png: \.png
      case .webp: \.webp
      case .tiff: \.tiff
      case .gif: \.gif
      case .bmp: \.bmp
      case .avif: \.avif
      case .heic: \.heic
      }
    }
  }

  /// How the images are laid out.
  public let layout: String
  /// Images in the data set.
  public let imageCount: Int
  /// Images that were read and decoded: all, or as many as the limit says.
  public let inspectedCount: Int
  /// Nil when the images carry no labels.
  public let classes: Classes?
  /// Columns of the images that can be decoded; nil when none can.
  public let width: Spread?
  /// Rows of the images that can be decoded; nil when none can.
  public let height: Spread?
  /// Of the images that can be decoded.
  public let stored: Kinds
  /// Images that hold frames or pages beside the one that is used.
  public let withMoreFrames: Int
  /// Inspected images that cannot be read or decoded.
  public let badImageCount: Int
  /// A line that names it and says what is wrong for each of the first ten, in the order of the data set.
  public let badImages: [String]
  /// What lies among the images and is not used; nil where there is nothing.
  public let passedOver: PassedOver?
  /// Mean of red, green and blue on the scale 0…1, over all pixels of all images that can be decoded, at the size in
  /// which they are stored: every pixel counts equally, so that a large image counts more than a small one. Nil when
  /// none can be decoded.
  public let mean: [Double]?
  /// Standard deviation of the same pixels around that mean, divided by their number rather than by one less.
  public let standardDeviation: [Double]?

  /// Decodes the images of a data set.
  ///
  /// - Parameters:
  ///   - limit: takes no more than so many images, evenly spaced, at least 1; nil takes all.
  ///   - threads: threads that decode, at least 1.
  ///   - onProgress: told about ten times a second, on the calling thread, how many images are done, and of how many.
  /// - Throws: `DataSetError` when no thread can be started. Bad images are counted, however many they are.
  public init(
    of dataSet: any ImageDataSet, limit: Int? = nil, threads: Int, onProgress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    precondition(limit ?? 1 >= 1, "DataSetInspection: expected a limit of at least 1 image, got \(limit!)")
    layout = dataSet.layout
    imageCount = dataSet.count
    inspectedCount = min(limit ?? dataSet.count, dataSet.count)
    classes = Self.classes(of: dataSet)
    let findings = try InspectionPass(dataSet, imageCount: inspectedCount).run(threads: threads, onProgress)
    width = Spread(findings.widths)
    height = Spread(findings.heights)
    stored = findings.stored
    withMoreFrames = findings.withMoreFrames
    badImageCount = findings.badImageCount
    badImages = findings.badImages.map(\.line)
    passedOver = dataSet.passedOver.isEmpty ? nil : dataSet.passedOver
    mean = findings.levels.mean
    standardDeviation = findings.levels.standardDeviation
  }

  private static func classes(of dataSet: any ImageDataSet) -> Classes? {
    let names = dataSet.classNames
    guard !names.isEmpty else { return nil }
    let spread = Spread(Dictionary(dataSet.imagesOfClasses.map { ($0, 1) }, uniquingKeysWith: +))
    return spread.map { Classes(count: names.count, imagesPerClass: $0, firstNames: Array(names.prefix(10))) }
  }
}

extension DataSetInspection.Spread {
  /// Of values with how often each occurs; nil without any.
  init?(_ occurrences: [Int: Int]) {
    let values = occurrences.keys.sorted()
    guard let least = values.first, let greatest = values.last else { return nil }
    let count = occurrences.values.reduce(0, +)
    func value(at rank: Int) -> Int {
      var passed = 0
      return values.first { value in
        passed += occurrences[value]!
        return passed > rank
      }!
    }
    self.init(
      minimum: least, median: Double(value(at: (count - 1) / 2) + value(at: count / 2)) / 2, maximum: greatest)
  }
}

/// What was found in some images.
private struct Findings: Sendable {
  static let badImagesNamed = 10

  var widths: [Int: Int] = [:]
  var heights: [Int: Int] = [:]
  var stored = DataSetInspection.Kinds()
  var withMoreFrames = 0
  var levels = LevelSums()
  var badImageCount = 0
  /// In the order of the data set, no more than are named.
  var badImages: [(index: Int, line: String)] = []

  mutating func add(_ pixels: UnsafePointer<UInt8>, width: Int, height: Int, bytesPerRow: Int) {
    widths[width, default: 0] += 1
    heights[height, default: 0] += 1
    levels.add(pixels, width: width, height: height, bytesPerRow: bytesPerRow)
  }

  mutating func addBadImage(_ line: String, index: Int) {
    badImageCount += 1
    if badImages.count < Self.badImagesNamed { badImages.append((index, line)) }
  }

  /// A thread comes upon its images in order, so what is named of all lies within what each has kept.
  mutating func merge(_ other: Findings) {
    widths.merge(other.widths, uniquingKeysWith: +)
    heights.merge(other.heights, uniquingKeysWith: +)
    for kind in ImageKind.allCases { stored[kind] += other.stored[kind] }
    withMoreFrames += other.withMoreFrames
    stored.rawPixels += other.stored.rawPixels
    levels.merge(other.levels)
    badImageCount += other.badImageCount
    badImages = Array((badImages + other.badImages).sorted { $0.index < $1.index }.prefix(Self.badImagesNamed))
  }
}

/// Threads that go through a data set once, each with memory and findings of its own.
private final class InspectionPass: @unchecked Sendable {
  private let dataSet: any ImageDataSet
  private let imageCount: Int

  // Everything below is guarded by the condition's lock.
  private let condition = NSCondition()
  private var started = 0
  private var done = 0
  private var findings = Findings()

  init(_ dataSet: any ImageDataSet, imageCount: Int) {
    self.dataSet = dataSet
    self.imageCount = imageCount
  }

  func run(threads: Int, _ onProgress: (Int, Int) -> Void) throws -> Findings {
    let workers = try WorkerThreads(count: threads) { [self] in work() }
    condition.lock()
    while done < imageCount {
      _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
      let count = done
      condition.unlock()
      onProgress(count, imageCount)
      condition.lock()
    }
    condition.unlock()
    workers.join()
    return findings
  }

  private func work() {
    let buffer = ByteBuffer()
    let decoder = ImageDecoder()
    var findings = Findings()
    while let index = nextIndex() {
      do {
        try inspect(index, buffer, decoder, &findings)
      } catch {
        findings.addBadImage("\(error)", index: index)
      }
      finishOne()
    }
    condition.lock()
    self.findings.merge(findings)
    condition.unlock()
  }

  private func inspect(_ index: Int, _ buffer: ByteBuffer, _ decoder: ImageDecoder, _ findings: inout Findings) throws {
    switch try dataSet.read(at: index, into: buffer) {
    case .pixels(let width, let height):
      findings.add(buffer.bytes.baseAddress!, width: width, height: height, bytesPerRow: 3 * width)
      findings.stored.rawPixels += 1
    case .encoded:
      do {
        let (width, height) = try decoder.begin(buffer.bytes)
        let image = try decoder.decode(CropRectangle(top: 0, left: 0, height: height, width: width))
        findings.add(image.pixels, width: width, height: height, bytesPerRow: image.bytesPerRow)
      } catch let error as ImageError {
        throw error.naming(dataSet.name(at: index))
      }
      if let kind = decoder.kind { findings.stored[kind] += 1 }
      if decoder.hasMore { findings.withMoreFrames += 1 }
    }
  }

  private func nextIndex() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    guard started < imageCount else { return nil }
    defer { started += 1 }
    return started * dataSet.count / imageCount
  }

  private func finishOne() {
    condition.lock()
    defer { condition.unlock() }
    done += 1
    if done == imageCount { condition.signal() }
  }
}
