import ArgumentParser
import DataSets
import Evaluation
import Foundation

/// Which images are embedded.
struct ImageSelection: ParsableArguments {
  @Option(
    help: .init(
      "A root that holds train/ and test/ or val/ (folders or tar archives), or what CIFAR, STL-10 or ImageNet come as.",
      valueName: "DIR"))
  var data: String?

  @Option(
    help: .init(
      "The train images, where they lie apart: a folder of class folders, archives, or a text file of paths and classes.",
      valueName: "DIR"))
  var train: String?

  @Option(help: .init("The same for the test images.", valueName: "DIR"))
  var test: String?

  @Option(help: .init("A file that names the classes to take, one a line.", valueName: "FILE"))
  var classes: String?

  @Option(
    help: .init(
      "A file that names the train images to take, one a line, by their paths or the ends of those (1 % and 10 % of ImageNet).",
      valueName: "FILE")
  )
  var trainSubset: String?

  @Option(
    help: .init(
      "Of WebDataset samples with several images: what the one to take is called after the sample's key (default: the run's data.image_key).",
      valueName: "KEY"))
  var imageKey: String?

  @Option(
    help:
      "Percent of a split's images that may be unreadable (default: the run's data.maximum_bad_percent, 1)."
  )
  var maximumBadPercent: Double?

  func validate() throws {
    if let maximumBadPercent, !(0...100 ~= maximumBadPercent) {
      throw ValidationError("--maximum-bad-percent: expected 0 to 100, got \(maximumBadPercent)")
    }
    if data == nil, train == nil, test == nil {
      throw ValidationError(
        "Missing expected argument '--data <DIR>', or --train and --test where they lie apart")
    }
  }

  /// Finds one split, and says where it lies.
  ///
  /// - Parameter key: what the image of a sample is called, unless an option says it.
  func locate(_ split: DataSetSplit, for use: DataSetLocator.Use, imageKey key: String, console: Console) throws
    -> LocatedDataSet
  {
    let located = try locate(split, for: use, imageKey: key)
    if let remark = located.remark { console.note(remark) }
    console.note("\(split.rawValue) images: \(located.images.count) in \(located.path)")
    return located
  }

  /// Finds one split.
  ///
  /// - Parameter key: what the image of a sample is called, unless an option says it.
  private func locate(_ split: DataSetSplit, for use: DataSetLocator.Use, imageKey key: String) throws
    -> LocatedDataSet
  {
    let locator = DataSetLocator(for: use, imageKey: imageKey ?? key)
    let own = split == .train ? train : split == .unlabeled ? nil : test
    guard let path = own ?? data else {
      throw ValidationError(
        "no \(split.rawValue) images are given: expected --\(split == .train ? "train" : "test") DIR, or --data with a root that holds all"
      )
    }
    let url = URL(fileURLWithPath: path)
    var located =
      own != nil ? try locator.locate(url, as: split) : try locator.locate(url, split: split)
    if let classes, split != .unlabeled {
      located.images = try SubsetDataSet(located.images, classesIn: URL(fileURLWithPath: classes))
    }
    if let trainSubset, split == .train {
      located.images = try SubsetDataSet(
        located.images, imagesIn: URL(fileURLWithPath: trainSubset))
    }
    return located
  }

  /// The folds that were chosen: their numbers and the train images in each.
  func folds(_ choice: FoldChoice) throws -> [(number: Int, images: [Int])] {
    let folds = try DataSetLocator.folds(at: URL(fileURLWithPath: train ?? data ?? "")).enumerated()
      .map { ($0, $1) }
    return switch choice {
    case .all: folds
    case .one(let fold): [folds[fold]]
    }
  }
}

/// Which of STL-10's ten folds teach.
enum FoldChoice: ExpressibleByArgument {
  case all
  case one(Int)

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let fold = Int(argument), 0..<10 ~= fold {
      self = .one(fold)
    } else {
      return nil
    }
  }

  /// What it adds to the name of a result.
  var suffix: String {
    switch self {
    case .all: "-folds"
    case .one(let fold): "-fold\(fold)"
    }
  }
}

/// A split by what people call it: `val`, `dev` and `training` are understood.
extension DataSetSplit: ExpressibleByArgument {
  public init?(argument: String) { self.init(calledByPeople: argument) }
}
