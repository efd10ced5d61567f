import DataSets
import Encoders
import Evaluation
import Foundation
import Launching
import Loading
import Pretraining

/// The images that teach and those that are judged, counted by the same classes.
struct EvaluationImages {
  let train: any ImageDataSet
  let test: any ImageDataSet
  /// Which they are, for the result.
  let data: EvaluatedData
  /// The folds that teach in turn: their numbers and the train images in each; nil where all train images do.
  let folds: [(number: Int, images: [Int])]?

  /// - Parameter key: what the image of a sample is called, unless an option says it.
  init(_ selection: ImageSelection, fold: FoldChoice?, imageKey key: String, console: Console) throws {
    folds = try fold.map(selection.folds)
    let trainData = try selection.locate(.train, for: .evaluation, imageKey: key, console: console)
    var testData = try selection.locate(.test, for: .evaluation, imageKey: key, console: console)
    let train = trainData.images
    let test = try ClassAlignedDataSet(testData.images, with: train)
    testData.images = test
    for (split, classes) in [("train", train.emptyClasses), ("test", test.classesWithoutImages)]
    where !classes.isEmpty {
      let names = classes.prefix(5).joined(separator: ", ") + (classes.count > 5 ? ", …" : "")
      console.note("no \(split) images of \(classes.count == 1 ? "1 class" : "\(classes.count) classes"): \(names)")
    }
    (self.train, self.test) = (train, test)
    data = EvaluatedData(train: trainData, test: testData)
  }
}

/// What a protocol is carried out on: an encoder, and images. Features are computed when they are first asked for, and once.
final class EvaluationSubject {
  let embedding: Embedding
  let images: EvaluationImages
  let console: Console
  /// The train images that teach; nil for all.
  var fold: [Int]?
  private var known: [DataSetSplit: Features] = [:]

  init(_ embedding: Embedding, _ images: EvaluationImages, console: Console) {
    (self.embedding, self.images, self.console) = (embedding, images, console)
  }

  var configuration: ResolvedConfiguration { embedding.configuration }

  /// Of the train images that teach.
  func trainFeatures() throws -> Features {
    let all = try features(.train, of: images.train)
    return fold.map(all.selecting) ?? all
  }

  /// Of the images that are judged.
  func testFeatures() throws -> Features { try features(.test, of: images.test) }

  /// Of the images that are judged, by another encoder.
  func testFeatures(by extractor: FeatureExtractor) throws -> Features {
    try embedding.features(of: images.test, split: .test, by: extractor)
  }

  /// The train images that teach.
  var trainImages: any ImageDataSet { fold.map { SubsetDataSet(images.train, indices: $0) } ?? images.train }

  /// Random crops of images that teach.
  func crops(of dataSet: any ImageDataSet, batchSize: Int? = nil, seed: UInt64) throws -> LabeledCrops {
    var options = ViewLoader.Options(threads: Cores.available)
    options.appliesExifOrientation = configuration.data.appliesExifOrientation
    options.cacheCapacity = configuration.data.cacheMegabytes << 20
    return try LabeledCrops(
      dataSet, augmentation: configuration.augmentation, batchSize: batchSize, seed: seed, options: options,
      onBadImage: { FileHandle.standardError.write(Data("skipped an image: \($0)\n".utf8)) })
  }

  private func features(_ split: DataSetSplit, of dataSet: any ImageDataSet) throws -> Features {
    if let features = known[split] { return features }
    let features = try embedding.features(of: dataSet, split: split)
    known[split] = features
    return features
  }
}
