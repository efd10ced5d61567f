import Foundation
import Images
import Randomness
import Synchronization

/// The embedded data set: ten outlines, drawn from a seed as JPEG class folders.
///
/// Position, scale, rotation, colors, textures and background vary independently of the class, and every outline covers
/// its share of the image with the same distribution, so that nothing but the form tells the classes apart. An image is a
/// function of (seed, split, index) alone: any machine and any number of threads draws the same pixels.
public struct ShapesDataSet: Codable, Sendable, Equatable {
  /// Names of the classes, in the order of their labels.
  public static let classNames: [String] = ShapeOutline.all.map(\.name)

  /// Sides that can be drawn, in pixels.
  public static let imageSizes = 32...224

  /// Images in the training split; the classes take turns.
  public let trainCount: Int
  /// Images in the test split.
  public let testCount: Int
  /// Side of the images, in pixels.
  public let imageSizePixels: Int
  /// What the images are drawn from.
  public let seed: UInt64
  /// Changes with anything that changes an image.
  private let version: Int

  private static let jpegQuality = 90
  private static let currentVersion = 1
  private static let recordName = "shapes.json"

  /// - Throws: `DataSetError` for a split without an image of every class, or a size outside `imageSizes`.
  public init(trainCount: Int = 5000, testCount: Int = 1000, imageSizePixels: Int = 64, seed: UInt64 = 0) throws {
    for (split, count) in [("training", trainCount), ("test", testCount)]
    where count < Self.classNames.count || count > 10_000_000 {
      throw DataSetError(
        "shapes: expected at least \(Self.classNames.count) \(split) images, one of each class, and at most 10 million; "
          + "got \(count)")
    }
    guard Self.imageSizes.contains(imageSizePixels) else {
      throw DataSetError(
        "shapes: expected an image size of \(Self.imageSizes.lowerBound) to \(Self.imageSizes.upperBound) pixels, got "
          + "\(imageSizePixels)")
    }
    self.trainCount = trainCount
    self.testCount = testCount
    self.imageSizePixels = imageSizePixels
    self.seed = seed
    version = Self.currentVersion
  }

  /// Images in a split.
  public func count(of split: DataSetSplit) -> Int { split == .train ? trainCount : testCount }

  /// Label of an image of either split.
  public func label(at index: Int) -> Int { index % Self.classNames.count }

  /// Draws one image.
  public func image(at index: Int, of split: DataSetSplit) -> PixelImage {
    var generator = PhiloxGenerator(seed: seed, epoch: split == .train ? 0 : 1, sample: index, stream: 0)
    return ShapeScene(of: ShapeOutline.all[label(at: index)].outline, using: &generator)
      .render(sizePixels: imageSizePixels)
  }

  /// Whether `write` had anything to do.
  public enum Outcome: Sendable, Equatable {
    case written
    case alreadyThere
  }

  /// Writes the images as `DIRECTORY/train/<class>/00000.jpg` and `DIRECTORY/test/<class>/…`.
  ///
  /// They are written to `DIRECTORY.partial`, which gets its final name when it is complete. A finished data set with the
  /// same parameters is left as it is.
  ///
  /// - Parameters:
  ///   - threads: threads that draw, at least 1; they do not change the result.
  ///   - onProgress: called with the images written so far and their total, about a hundred times, on any thread.
  /// - Throws: `DataSetError` when the folder holds something else, cannot be written, or the disk is full.
  @discardableResult
  public func write(
    to directory: URL, threads: Int,
    onProgress: @escaping @Sendable (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Outcome {
    let path = directory.resolvingSymlinksInPath().path
    if try isThere(path) { return .alreadyThere }
    let partial = path + ".partial"
    try FileSystem.remove(partial)
    do {
      for split in DataSetSplit.labeled {
        for name in Self.classNames { try FileSystem.createFolder("\(partial)/\(split)/\(name)") }
      }
      try writeImages(to: partial, threads: threads, onProgress: onProgress)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try FileSystem.write([UInt8](encoder.encode(self)) + [UInt8(ascii: "\n")], to: partial + "/" + Self.recordName)
      try FileSystem.rename(partial, to: path)
    } catch {
      // The reason to stop matters more than whether cleaning up works: a later run begins by doing it again.
      try? FileSystem.remove(partial)
      throw error
    }
    return .written
  }

  /// Whether this data set is complete at the path; false when nothing is there.
  private func isThere(_ path: String) throws -> Bool {
    switch try FileSystem.kind(of: path) {
    case .missing: return false
    case .file: throw DataSetError("\(path) is a file; expected a new or empty folder for the shapes")
    case .folder: break
    }
    let record = path + "/" + Self.recordName
    if try FileSystem.kind(of: record) == .missing {
      if try FileManager.default.contentsOfDirectory(atPath: path).isEmpty { return false }
      throw DataSetError(
        "\(path) is not empty and holds no finished shapes data set; choose a new folder, or empty this one yourself")
    }
    let there = try? JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: record)))
    if there == self { return true }
    let found = there.map { $0.summary } ?? "an unreadable \(Self.recordName)"
    throw DataSetError(
      "\(path) holds other shapes (\(found)) than asked for (\(summary)); choose another folder, or remove that one")
  }

  private var summary: String {
    "\(trainCount) + \(testCount) images of \(imageSizePixels) pixels, seed \(seed)"
      + (version == Self.currentVersion ? "" : ", version \(version)")
  }

  private func writeImages(
    to folder: String, threads: Int, onProgress: @escaping @Sendable (Int, Int) -> Void
  ) throws {
    let total = trainCount + testCount
    let next = Atomic(0)
    let written = Atomic(0)
    let failure = Mutex<(any Error)?>(nil)
    let step = max(1, total / 100)
    let work: @Sendable () -> Void = {
      while failure.withLock({ $0 == nil }) {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < total else { return }
        do {
          try writeImage(number, to: folder)
        } catch {
          failure.withLock { $0 = $0 ?? error }
          return
        }
        let count = written.wrappingAdd(1, ordering: .relaxed).newValue
        if count.isMultiple(of: step) || count == total { onProgress(count, total) }
      }
    }
    try WorkerThreads(count: threads, work).join()
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Writes one image, counting through the training split and then the test split.
  private func writeImage(_ number: Int, to folder: String) throws {
    let split: DataSetSplit = number < trainCount ? .train : .test
    let index = split == .train ? number : number - trainCount
    let digits = String(index / Self.classNames.count)
    let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    let jpeg = try ImageCodec.encodeJPEG(image(at: index, of: split), quality: Self.jpegQuality)
    try FileSystem.write(jpeg, to: "\(folder)/\(split)/\(Self.classNames[label(at: index)])/\(name).jpg")
  }
}
