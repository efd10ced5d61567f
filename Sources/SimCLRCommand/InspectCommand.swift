import ArgumentParser
import Augmentation
import DataSets
import Foundation
import Images
import Launching

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Say what a data set holds: layout, images, classes, sizes, kinds, bad files, mean and standard deviation.",
    discussion: """
      Every image is decoded. Bad ones are counted and the first ten named. Mean and standard deviation are those of \
      the pixels of all images on the scale 0…1, every pixel counting equally, so that a large image counts more than a \
      small one; the last lines give them to a configuration.
      """)

  @Argument(help: .init("Images: whatever `pretrain` and `evaluate` read.", valueName: "DIR"))
  var path: String

  @Option(
    help: "Only this split: train, test, validation or unlabeled (default: those that are there).")
  var split: DataSetSplit?

  @Option(
    help: .init(
      "Of WebDataset samples with several images: what the one to take is called after the sample's key.",
      valueName: "KEY"))
  var imageKey = ""

  @Option(help: "Take at most so many images of a split, evenly spaced.")
  var limit: Int?

  @Option(help: "Threads that decode; 0: as many as there are cores.")
  var threads = 0

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard limit ?? 1 >= 1 else { throw ValidationError("--limit: expected at least 1 image, got \(limit!)") }
    guard 0...1024 ~= threads else { throw ValidationError("--threads: expected 0 to 1024, got \(threads)") }
  }

  /// What was found, as it is printed with `--json`.
  private struct Result: Encodable {
    var path: String
    /// By the names of the splits.
    var splits: [String: DataSetInspection] = [:]
    /// Why a split that nobody asked for was left out.
    var leftOut: [String: String] = [:]
  }

  func run() throws {
    let console = Console()
    var result = Result(path: path)
    for (split, dataSet) in try openSplits(&result.leftOut) {
      result.splits[split.rawValue] = try DataSetInspection(
        of: dataSet, limit: limit, threads: threads > 0 ? threads : Cores.available
      ) { console.live("\(split)  \($0)/\($1) images") }
    }
    if json { return try console.json(result) }
    let found = DataSetSplit.allCases.compactMap { split in result.splits[split.rawValue].map { (split, $0) } }
    for (split, inspection) in found { console.result(inspection.text(title: split.rawValue)) }
    for (split, reason) in result.leftOut { console.result("\(split): left out\n  \(reason)") }
    if let (split, inspection) = found.first, let lines = inspection.configurationLines {
      console.result("\n# normalization for a configuration, from \(split):\n\(lines)")
    }
  }

  /// The split that was asked for; otherwise those that open, at least one.
  private func openSplits(
    _ leftOut: inout [String: String]
  ) throws -> [(split: DataSetSplit, dataSet: any ImageDataSet)] {
    let root = URL(fileURLWithPath: path)
    func open(_ split: DataSetSplit) throws -> LocatedDataSet {
      try DataSetLocator(for: split == .train ? .pretraining : .any, imageKey: imageKey).locate(
        root, split: split)
    }
    if let split { return [(split, try open(split).images)] }
    var opened: [(split: DataSetSplit, found: LocatedDataSet)] = []
    var failure: DataSetError?
    for split in DataSetSplit.allCases {
      do {
        let found = try open(split)
        // What is for validation is what is measured on where there is nothing else.
        if opened.contains(where: { $0.split != .train && $0.found.path == found.path }) {
          continue
        }
        opened.append((split, found))
      } catch let error as DataSetError {
        failure = failure ?? error
        // That hardly any data set has these apart need not be said.
        if split == .train || split == .test { leftOut[split.rawValue] = error.description }
      }
    }
    if opened.isEmpty, let failure { throw failure }
    return opened.map { ($0.split, $0.found.images) }
  }
}

extension DataSetInspection {
  /// For people.
  fileprivate func text(title: String) -> String {
    var lines = ["\(title): \(Self.images(imageCount))"]
    if inspectedCount < imageCount { lines[0] += ", of which \(inspectedCount) were inspected, evenly spaced" }
    func add(_ name: String, _ text: String) {
      lines.append("  " + name.padding(toLength: 10, withPad: " ", startingAt: 0) + text)
    }
    add("layout", layout)
    add("classes", classes?.text ?? "none: the images carry no labels")
    if let width, let height { add("size", Self.size(width, height)) }
    let kinds = (ImageKind.allCases.map { (stored[$0], $0.name) } + [(stored.rawPixels, "raw pixels")]).filter {
      $0.0 > 0
    }
    if !kinds.isEmpty { add("stored as", kinds.map { "\($0.0) \($0.1)" }.joined(separator: ", ")) }
    if withMoreFrames > 0 {
      add("not used", "further frames or pages of \(Self.images(withMoreFrames)), of which the first is")
    }
    add("bad", badImageCount == 0 ? "none" : Self.images(badImageCount))
    lines += badImages.map { "    \($0)" }
    if badImageCount > badImages.count { lines.append("    … and \(badImageCount - badImages.count) more") }
    for (place, kind) in (passedOver?.kinds ?? []).enumerated() {
      add(place == 0 ? "not used" : "", kind.text)
    }
    if let mean, let standardDeviation {
      func channels(_ values: [Double]) -> String { values.map { $0.fixed(4) }.joined(separator: "  ") }
      add("mean", channels(mean) + "  red, green, blue on 0…1; every pixel counts equally")
      add("std", channels(standardDeviation))
    }
    return lines.joined(separator: "\n")
  }

  fileprivate static func images(_ count: Int) -> String { count == 1 ? "1 image" : "\(count) images" }

  private static func size(_ width: Spread, _ height: Spread) -> String {
    if width.isSingle, height.isSingle { return "\(width.minimum) × \(height.minimum) pixels" }
    return "width \(width.text), height \(height.text) pixels (least, median, most)"
  }

  /// Nil without pixels, and when a channel that does not vary leaves nothing to divide by.
  fileprivate var configurationLines: String? {
    guard let mean, let standardDeviation, standardDeviation.allSatisfy({ $0 >= 0.0001 }) else { return nil }
    func list(_ values: [Double]) -> String { "[" + values.map { $0.fixed(4) }.joined(separator: ", ") + "]" }
    return """
      augmentation:
        mean: \(list(mean))
        standard_deviation: \(list(standardDeviation))
      """
  }
}

extension DataSetInspection.Classes {
  fileprivate var text: String {
    let each =
      imagesPerClass.isSingle
      ? "\(DataSetInspection.images(imagesPerClass.minimum)) each"
      : "\(imagesPerClass.text) images (least, median, most)"
    return "\(count), \(each): " + firstNames.joined(separator: ", ") + (count > firstNames.count ? ", …" : "")
  }
}

extension DataSetInspection.Spread {
  fileprivate var isSingle: Bool { minimum == maximum }

  fileprivate var text: String {
    let middle = median == median.rounded() ? "\(Int(median))" : median.fixed(1)
    return "\(minimum) … \(middle) … \(maximum)"
  }
}
